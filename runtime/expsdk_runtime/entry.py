"""The payload's `__main__`: compare Python versions before anything else is imported or unpickled.

Pickles and byte code do not cross minor versions (an interpreter may crash without a traceback), so this
file is plain enough for any Python 3 to read, and ends with a reason where the version is another.
"""

import json
import sys

PYTHON_MISMATCH = 66


def refusal(manifest):
    """Return why this interpreter cannot run the payload, or an empty string."""
    here = "%d.%d" % sys.version_info[:2]
    if manifest["python"] == here:
        return ""
    return (
        "PythonMismatch: the payload of %s was packed by Python %s and needs that minor version, but this is Python %s"
        " (%s); run it with python%s, in an image such as python:%s-slim, or pack it again with Python %s"
        % (manifest["name"], manifest["python"], here, sys.executable, manifest["python"], manifest["python"], here)
    )


if __name__ == "__main__":
    loader = globals()["__loader__"]
    reason = refusal(json.loads(loader.get_data("manifest.json").decode("utf-8")))
    if reason:
        sys.stderr.write("expsdk: " + reason + "\n")
        sys.exit(PYTHON_MISMATCH)

    from expsdk_runtime.bootstrap import main

    sys.exit(main(loader.archive, sys.argv[1:]))
