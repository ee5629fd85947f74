"""Models by their keys: described for planning, and loaded one at a time, so that a sweep over large models never holds two."""

from __future__ import annotations

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator
from parallelbench.contracts.handle import ModelHandle, handle_of
from parallelbench.errors import UserError
from parallelbench.models import describe

Model = Denoiser | Generator


class ModelPool:
    """Describes each model once, loads a model when it is used, and keeps it until another one is."""

    def __init__(self, device: str | None = None) -> None:
        self.device = device
        self._handles: dict[str, ModelHandle] = {}
        self._key: str | None = None
        self._model: Model | None = None
        self._auxiliary: dict[str, Denoiser] = {}

    def add(self, key: str, model: Model) -> None:
        """Put a loaded model under a key."""
        self._handles[key] = handle_of(model)

    def describe(self, key: str) -> ModelHandle:
        """Return the handle of the model that `key` names; reads no weights.

        Raises:
            UserError: no model has this name, or its files cannot be used.
        """
        if key not in self._handles:
            self._handles[key] = describe(key, self.device)
        return self._handles[key]

    def get(self, key: str) -> Model:
        """Return the model that `key` names, loaded.

        Raises:
            UserError: no model has this name, or it cannot be loaded.
        """
        if self._model is None or self._key != key:
            handle = self.describe(key)
            self._model = None  # frees the one before, so that two never share the memory
            self._key, self._model = key, handle.load()
        return self._model

    def auxiliary(self, key: str) -> Denoiser:
        """Return the auxiliary model that `key` names, loaded; it stays whatever model is used beside it.

        Raises:
            UserError: no model has this name, it cannot be loaded, or it is a generator.
        """
        if key not in self._auxiliary:
            model = self.describe(key).load()
            if not isinstance(model, Denoiser):
                raise UserError(
                    f"{model.info.name} decodes in its own way and cannot be an auxiliary model; choose a denoiser."
                )
            self._auxiliary = {key: model}
        return self._auxiliary[key]
