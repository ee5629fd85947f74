"""Describes models for planning, and loads them one at a time, so that a sweep never holds two large models in memory."""

from __future__ import annotations

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator
from parallelbench.contracts.handle import ModelHandle, handle_of
from parallelbench.errors import UserError
from parallelbench.models import describe

Model = Denoiser | Generator


class ModelPool:
    """Models by key. Each is described once, loaded when it is first used, and released when another model is used.

    Args:
        device: where they run; None is the CPU.
        elsewhere: they are only described here, and the device is one of another machine.
    """

    def __init__(self, device: str | None = None, elsewhere: bool = False) -> None:
        self.device, self._elsewhere = device, elsewhere
        self._handles: dict[str, ModelHandle] = {}
        self._key: str | None = None
        self._model: Model | None = None
        self._auxiliary: dict[str, Denoiser] = {}

    def add(self, key: str, model: Model) -> None:
        """Register a model that is already loaded under a key."""
        self._handles[key] = handle_of(model)

    def describe(self, key: str) -> ModelHandle:
        """Return the handle of the model that `key` names; reads no weights.

        Raises:
            UserError: no model has this name, or its files cannot be used.
        """
        if key not in self._handles:
            self._handles[key] = describe(key, self.device, elsewhere=self._elsewhere)
        return self._handles[key]

    def get(self, key: str) -> Model:
        """Return the model that `key` names, loaded.

        Raises:
            UserError: no model has this name, or it cannot be loaded.
        """
        if self._model is None or self._key != key:
            handle = self.describe(key)
            self._model = None  # releases the previous model before the next is loaded
            self._key, self._model = key, handle.load()
        return self._model

    def auxiliary(self, key: str) -> Denoiser:
        """Return the auxiliary model that `key` names, loaded; it stays loaded while `get` changes the main model.

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
