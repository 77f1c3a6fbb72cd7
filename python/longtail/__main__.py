"""``python -m longtail`` is the ``longtail`` command."""

import sys

from .cli import main

sys.exit(main())
