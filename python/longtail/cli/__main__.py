"""``python -m longtail.cli`` is the ``longtail`` command."""

import sys

from . import main

sys.exit(main())
