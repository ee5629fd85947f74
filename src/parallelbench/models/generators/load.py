"""From `openai:NAME@URL`, `mercury`, `anthropic:NAME` to a served model. Connects to nothing."""

from __future__ import annotations

from functools import partial

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.errors import UserError
from parallelbench.models.generators import anthropic_service, openai_service
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
    """`openai:NAME@URL[,key=value]`; without an address OpenAI itself. A server elsewhere may need no key.

    Raises:
        UserError: the name, an option or the key is missing or wrong.
    """
    name, url, given = split_name(rest, "openai")
    options = build(OpenAIOptions, "model 'openai'", given)
    info = _info(name, url or openai_service.OPENAI_URL, options, "openai:NAME@URL")
    secret = read_secret(options.key_env or "OPENAI_API_KEY", info.name, needed=url is None or bool(options.key_env))
    fixed = openai_service.Settings(
        name,
        options.temperature,
        options.top_p,
        options.reasoning,
        thoughts=options.thoughts,
        stream=options.stream,
        stream_options=options.stream_options,
    )
    connect = partial(openai_service.OpenAIService, url, secret.value, fixed, options.timeout)
    return Served(info, options, secret, connect, options.forwards)


def load_mercury(rest: str, device: str | None = None) -> Served:
    """`mercury[:NAME@URL][,key=value]`, Inception's diffusion model.

    Raises:
        UserError: as `load_openai`.
    """
    name, url, given = split_name(rest, "mercury")
    options = build(MercuryOptions, "model 'mercury'", given)
    info = _info(name or MERCURY, url or MERCURY_URL, options, "mercury")
    secret = read_secret(options.key_env or "INCEPTION_API_KEY", info.name, needed=True)
    diffusing = options.diffusing and options.stream
    fixed = openai_service.Settings(
        info.name,
        options.temperature,
        options.top_p,
        options.reasoning,
        diffusing=diffusing,
        repeatable=False,
        stream=options.stream,
        stream_options=options.stream_options,
    )
    connect = partial(openai_service.OpenAIService, url or MERCURY_URL, secret.value, fixed, options.timeout)
    return Served(info, options, secret, connect, "frames" if diffusing else "unknown")


def load_anthropic(rest: str, device: str | None = None) -> Served:
    """`anthropic:NAME[@URL][,key=value]`.

    Raises:
        UserError: as `load_openai`.
    """
    name, url, given = split_name(rest, "anthropic")
    options = build(AnthropicOptions, "model 'anthropic'", given)
    info = _info(name, url or anthropic_service.ANTHROPIC_URL, options, "anthropic:NAME")
    secret = read_secret(options.key_env or "ANTHROPIC_API_KEY", info.name, needed=True)
    fixed = anthropic_service.Settings(
        name, options.temperature, options.top_p, options.reasoning, options.thinking, options.stream
    )
    connect = partial(anthropic_service.AnthropicService, url, secret.value, fixed, options.timeout)
    return Served(info, options, secret, connect, options.forwards)


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
