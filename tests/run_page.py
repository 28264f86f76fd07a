"""Run the blocks of a page one after another, then checks that see their names.

    python run_page.py BLOCKS CHECKS

`BLOCKS` is JSON, a list of texts; `CHECKS` a script that finds all names of the page, what it
printed as `printed`, and the folder of the repository as `root`. What each block printed is printed
at the end, as JSON.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    _said = []
    for _number, _block in enumerate(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))):
        _file = Path(f"block_{_number}.py")  # which tracebacks show
        _file.write_text(_block, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()) as _out:
            exec(compile(_block, str(_file), "exec"))
        _said.append(_out.getvalue())
        _file.unlink()
    printed = "".join(_said)
    root = Path(__file__).resolve().parents[1]
    if len(sys.argv) > 2:
        exec(compile(Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[2], "exec"))
    print(json.dumps(_said))
