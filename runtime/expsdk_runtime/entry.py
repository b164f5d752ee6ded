"""The payload's `__main__`: compare Python versions before anything else is imported or unpickled.

Pickles and byte code do not cross minor versions (an interpreter may crash without a traceback), so this
file is plain enough for any Python 3 to read, and ends with a reason where the version is another.
"""

import json
import sys
import zlib

PAYLOAD_INVALID = 65
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


def fail(code, reason):
    """End the process with words."""
    sys.stderr.write("expsdk: " + reason + "\n")
    sys.exit(code)


def run(loader):
    """Run the payload that `loader` loads from; return the process's exit code."""
    try:
        reason = refusal(json.loads(loader.get_data("manifest.json").decode("utf-8")))
        if reason:
            fail(PYTHON_MISMATCH, reason)

        from expsdk_runtime.bootstrap import main
        from expsdk_runtime.payload import PayloadError
    except (ImportError, OSError, EOFError, ValueError, LookupError, TypeError, zlib.error) as error:
        fail(PAYLOAD_INVALID, "PayloadInvalid: %s is damaged (%s: %s)" % (loader.archive, type(error).__name__, error))

    try:
        return main(loader.archive, sys.argv[1:])
    except PayloadError as error:
        fail(PAYLOAD_INVALID, "PayloadInvalid: %s is damaged: %s" % (loader.archive, error))


if __name__ == "__main__":
    sys.exit(run(globals()["__loader__"]))
