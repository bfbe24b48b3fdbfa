#!/bin/sh
# Runs test_find_phones.py where there is a Python with numpy; exit code 77 elsewhere.
root=$(cd "$(dirname "$0")/.." && pwd)
python=${MYNA_PYTHON:-python3}
"$python" -c 'import sys, numpy; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || exit 77
PYTHONPATH=$root/scripts PYTHONDONTWRITEBYTECODE=1 exec "$python" "$root/tests/test_find_phones.py"
