"""The pictures of docs/demo.md: how a report begins on a desktop and on a phone.

    longtail demo --out REPORT && python tools/demo_screenshots.py REPORT

Needs Chromium and Pillow. 96 colours are enough for text and plots, and keep the files small.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:1] = [str(ROOT / "tests")]

from kit.browser import PROGRAMS, Browser  # noqa: E402

IMAGES = ROOT / "docs/images"
#: Width and height of what is shown.
SHOWN = {"demo_desktop.png": (1280, 1600), "demo_phone.png": (390, 1400)}
COLOURS = 96


def main() -> int:
    """Takes and stores them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="folder that longtail demo made")
    page = parser.parse_args().report / "index.html"
    program = next(filter(shutil.which, PROGRAMS), None)
    if program is None or not page.is_file():
        print(f"needs one of {', '.join(PROGRAMS)}, and {page}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(program, Path(folder))
        for name, (width, height) in SHOWN.items():
            shot = browser.picture(page, width, height, Path(folder) / name)
            image = Image.open(shot).convert("RGB").crop((0, 0, width, height))
            image.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)
            print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
