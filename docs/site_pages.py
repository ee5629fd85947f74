"""Pages of the site that follow from other files: the front page is the README, and the decisions list themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
NO_PAGE = re.compile(
    r"\[([^\]]*)\]\((?:\.\./)*(?:src|tests|benchmarks|experiments|examples|CONTRIBUTING|SECURITY|LICENSE|\w+\.jsonl)[^)]*\)"
)
"""A link to a file of the repository that is no page of the site."""


def on_files(files: Files, config: Any) -> Files:
    """Add the README as the front page, with its links made relative to docs/."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    front = readme.replace("](docs/", "](").replace('src="docs/', 'src="')
    files.append(File.generated(config, "index.md", content=without_foreign_links(front)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """List the records on the page of decisions; keep only the text of links to files that the site does not hold."""
    if page.file.src_uri == "decisions/README.md":
        markdown += "\n\n## Records\n\n" + "\n".join(records())
    return without_foreign_links(markdown)


def records() -> list[str]:
    """One line for each record: its title as a link."""
    paths = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    return [f"- [{path.read_text(encoding='utf-8').splitlines()[0].removeprefix('# ')}]({path.name})" for path in paths]


def without_foreign_links(markdown: str) -> str:
    """Write a link to a file that the site does not hold as its text alone."""
    return NO_PAGE.sub(r"\1", markdown)
