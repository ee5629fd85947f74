"""From `openai:NAME@URL`, `mercury`, `anthropic:NAME` to a served model. Connects to nothing."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.errors import MissingExtra, UserError
from parallelbench.models.generators.options import (
    AnthropicOptions,
    CallOptions,
    MercuryOptions,
    OpenAIOptions,
    read_secret,
    settings,
    split_name,
)
from parallelbench.models.generators.served import Served
from parallelbench.specs import build

MERCURY, MERCURY_URL = "mercury-2", "https://api.inceptionlabs.ai/v1"


def load_openai(rest: str, device: str | None = None) -> Served:
    """`openai:NAME@URL[,key=value]`; without an address OpenAI itself. A server of one's own may need no key.

    Raises:
        UserError: the name, an option or the key is missing or wrong; MissingExtra where the SDK is.
    """
    protocol = _protocol("openai", "openai_service", "openai models")
    name, url, given = split_name(rest, "openai")
    options = build(OpenAIOptions, "model 'openai'", given)
    info = _info(name, url or protocol.OPENAI_URL, options, "openai:NAME@URL")
    secret = read_secret(options.key_env or "OPENAI_API_KEY", info.name, needed=url is None or bool(options.key_env))
    asked = protocol.Settings(name, options.temperature, options.top_p, options.reasoning)
    connect = partial(protocol.OpenAIService, url, secret.value, asked, options.timeout)
    return Served(info, options, secret, connect, options.forwards)


def load_mercury(rest: str, device: str | None = None) -> Served:
    """`mercury[:NAME@URL][,key=value]`, Inception's diffusion model.

    Raises:
        UserError: as `load_openai`.
    """
    protocol = _protocol("openai", "openai_service", "mercury")
    name, url, given = split_name(rest, "mercury")
    options = build(MercuryOptions, "model 'mercury'", given)
    info = _info(name or MERCURY, url or MERCURY_URL, options, "mercury")
    secret = read_secret(options.key_env or "INCEPTION_API_KEY", info.name, needed=True)
    asked = protocol.Settings(
        info.name, options.temperature, options.top_p, options.reasoning, options.diffusing, repeatable=False
    )
    connect = partial(protocol.OpenAIService, url or MERCURY_URL, secret.value, asked, options.timeout)
    return Served(info, options, secret, connect, "frames" if options.diffusing else "unknown")


def load_anthropic(rest: str, device: str | None = None) -> Served:
    """`anthropic:NAME[@URL][,key=value]`.

    Raises:
        UserError: as `load_openai`.
    """
    protocol = _protocol("anthropic", "anthropic_service", "anthropic models")
    name, url, given = split_name(rest, "anthropic")
    options = build(AnthropicOptions, "model 'anthropic'", given)
    info = _info(name, url or "https://api.anthropic.com", options, "anthropic:NAME")
    secret = read_secret(options.key_env or "ANTHROPIC_API_KEY", info.name, needed=True)
    asked = protocol.Settings(name, options.temperature, options.top_p, options.reasoning, options.thinking)
    connect = partial(protocol.AnthropicService, url, secret.value, asked, options.timeout)
    return Served(info, options, secret, connect, options.forwards)


def _protocol(package: str, module: str, what: str) -> Any:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError:
        raise MissingExtra(what, "served") from None
    return importlib.import_module(f"parallelbench.models.generators.{module}")


def _info(name: str, address: str, options: CallOptions, form: str) -> GeneratorInfo:
    if not name:
        raise UserError(f"a served model has a name; write {form}, for example -m openai:Qwen3-4B@http://localhost:8000/v1.")
    return GeneratorInfo(
        name=name,
        revision=address,
        settings=settings(options),
        max_tokens=options.max_tokens,
        concurrency=options.concurrency,
    )
