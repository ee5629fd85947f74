"""What draws charts: Vega, Vega-Lite and vega-embed, as a script for a page, and as a converter to SVG.

Bundling the script takes seconds, and it is the same for every page, so it is kept in the user's cache.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.metadata import version

import altair as alt
import vl_convert

from parallelbench.report.theme import Spec
from parallelbench.user_cache import cache_path, remember

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
MAX_BYTES = 16 << 20


def svg(spec: Spec) -> str:
    """Draw a Vega-Lite spec."""
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))


@cache
def library() -> str:
    """A script that defines `vegaEmbed`, fetches nothing, and can stand in a script element."""
    path = cache_path(f"vega_{VEGA_LITE}_vl_convert_{version('vl-convert-python')}.js")
    try:
        with path.open("rb") as file:
            digest, _, data = file.read(MAX_BYTES).partition(b"\n")
        if digest == sha256(data).hexdigest().encode():
            return data.decode()
    except OSError:
        pass  # not bundled yet
    script = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)).replace("</script", "<\\/script")
    data = script.encode()
    remember(path, sha256(data).hexdigest().encode() + b"\n" + data)
    return script
