"""A page in headless Chromium: what its layout comes to, what it complains of, and its picture."""

from __future__ import annotations

import dataclasses
import html
import json
import pathlib
import re
import subprocess
from typing import Any

#: What Debian and others call it.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# The page stands in a frame: a window of Chromium is never less than 500 pixels wide, a frame is
# as wide as a phone. What the frame holds is looked at when all of it has been loaded.
_FRAME = """<!doctype html><meta charset="utf-8"><title>frame</title>
<style>body {{ margin: 0 }} iframe {{ border: 0; display: block }}</style>
<iframe src="{source}" width="{width}" height="{height}"></iframe><pre id="found"></pre><script>
addEventListener("load", () => {{
  const view = document.querySelector("iframe").contentWindow, page = view.document;
  const all = (selector) => [...page.querySelectorAll(selector)];
  const box = (element) => element.getBoundingClientRect();
  all("details").forEach((part) => part.open = {unfold});
  const found = {{
    width: view.innerWidth,
    scroll_width: page.documentElement.scrollWidth,
    height: page.documentElement.scrollHeight,
    images: all("img").length,
    broken: all("img").filter((image) => !image.complete || !image.naturalWidth).length,
    sections: all("main section").filter((part) => box(part).height > 200).map((part) => part.id),
    outside: all("h2, h3, p, td, figure, dd")
      .filter((part) => box(part).right > view.innerWidth + 1)
      .map((part) => part.textContent.slice(0, 60)),
  }};
  document.querySelector("#found").textContent = JSON.stringify(found);
}});
</script>"""


@dataclasses.dataclass(frozen=True)
class Seen:
    """A page as it was laid out, with all that is folded away unfolded.

    Attributes:
        width, scroll_width, height: of the window, of what can be scrolled to, and of the page.
        images, broken: how many there are, and how many of them do not show.
        sections: ids of those that are more than a line high.
        outside: beginnings of texts that reach out of the window.
        complaints: what the page wrote to the console.
    """

    width: int
    scroll_width: int
    height: int
    images: int
    broken: int
    sections: list[str]
    outside: list[str]
    complaints: list[str]


class Browser:
    """Headless Chromium with a profile of its own in `folder`, which also takes its frames."""

    def __init__(self, program: str, folder: pathlib.Path):
        self.program, self.folder = program, folder

    def look(self, page: pathlib.Path, width: int) -> Seen:
        """Lay the page out in a window of that width."""
        done = self._run(page, width, 800, True, False, "--enable-logging=stderr", "--dump-dom")
        found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
        assert found, f"{self.program}: no page in {done.stdout[:200]!r}; {done.stderr[-500:]}"
        content: dict[str, Any] = json.loads(html.unescape(found[1]))
        complaints = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        return Seen(**content, complaints=complaints)

    def picture(
        self, page: pathlib.Path, width: int, height: int, target: pathlib.Path, dark: bool = False
    ) -> pathlib.Path:
        """Write the top of the page as a PNG; it is 500 pixels wide at least."""
        shot = f"--screenshot={target}"
        self._run(
            page, width, height, False, dark, shot, f"--window-size={max(500, width)},{height}"
        )
        return target

    def _run(
        self,
        page: pathlib.Path,
        width: int,
        height: int,
        unfold: bool,
        dark: bool,
        *options: str,
    ) -> subprocess.CompletedProcess[str]:
        frame = self.folder / f"frame-{width}.html"
        content = _FRAME.format(
            source=page.resolve().as_uri(),
            width=width,
            height=height,
            unfold=str(unfold).lower(),
        )
        frame.write_text(content, "utf-8")
        return subprocess.run(
            [
                *(self.program, "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"),
                # Else a frame of another file is a stranger.
                *("--allow-file-access-from-files", f"--user-data-dir={self.folder / 'profile'}"),
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                *(*options, frame.as_uri()),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
