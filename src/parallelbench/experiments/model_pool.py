"""Loaded models, one at a time: a sweep over large models never holds two."""

from __future__ import annotations

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator
from parallelbench.models import load_any, load_model

Model = Denoiser | Generator


class ModelPool:
    """Loads a model when it is asked for and keeps it until another one is."""

    def __init__(self, device: str | None = None) -> None:
        self.device = device
        self._key: str | None = None
        self._model: Model | None = None
        self._given: dict[str, Model] = {}
        self._beside: dict[str, Denoiser] = {}

    def give(self, key: str, model: Model) -> None:
        """Put a model that is already loaded under a key of its own."""
        self._given[key] = model

    def get(self, key: str) -> Model:
        """Return the model that `key` names.

        Raises:
            UserError: no model has this name, or it cannot be loaded.
        """
        if key in self._given:
            return self._given[key]
        if self._model is None or self._key != key:
            self._model = None  # frees the one before, so that two never share the memory
            self._key, self._model = key, load_any(key, device=self.device)
        return self._model

    def beside(self, key: str) -> Denoiser:
        """Return the auxiliary model that `key` names; it stays whatever model is asked for.

        Raises:
            UserError: no model has this name, or it cannot be loaded.
        """
        if key not in self._beside:
            self._beside = {key: load_model(key, device=self.device)}
        return self._beside[key]
