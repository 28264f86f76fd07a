"""The description on an index: the README, whose relative links would lead nowhere there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: of a picture or a link in Markdown that is no address and no place on the page
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:|#)[^)]*\)\n*")
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)]*)\)")


class ReadmeHook(MetadataHookInterface):
    """Writes `readme` of `[project]`: Hatchling calls it."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read the README that stands beside this file; links lead to `Source` of the URLs."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        source = metadata.get("urls", {}).get("Source")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_index(text, source)}


def for_index(text: str, source: str | None) -> str:
    """Give relative links an address; without one, leave their words and the files' names."""

    def absolute(match: re.Match[str]) -> str:
        words, target = match.groups()
        if source:
            return f"[{words}]({source.rstrip('/')}/blob/main/{target})"
        return words if words == target else f"{words} (`{target}`)"

    return _LINK.sub(absolute, _PICTURE.sub("", text))
