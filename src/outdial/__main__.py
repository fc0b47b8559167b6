"""`python -m outdial`."""

import sys

from outdial.cli.main import main

sys.exit(main())
