# ruff: noqa: UP031
"""What a Job runs with `python -c`: check the payload, then become it. Any Python 3 reads this."""

if __name__ == "__main__":
    import sys

    sys.path[:] = filter(None, sys.path)  # the working directory's modules stay out
    import hashlib
    import json
    import os
    import signal
    import time
    import zipimport

    if hasattr(signal, "pthread_sigmask"):  # SIGTERM waits for the trial, which hears it
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    given = os.environ.get
    code, reason = 65, "PayloadInvalid"
    try:
        source, scratch = given("EXPSDK_PAYLOAD_DIR", "/expsdk/payload"), given("EXPSDK_SCRATCH", "/tmp/expsdk")
        content = b""
        for name in sorted(filter(str.isdigit, os.listdir(source))):
            with open(os.path.join(source, name), "rb") as chunk:
                content += chunk.read()
        found, wanted = "sha256:" + hashlib.sha256(content).hexdigest(), given("EXPSDK_DIGEST")
        if found != wanted:
            raise ValueError("the payload in %s was changed: its digest is %s, not %s" % (source, found, wanted))
        os.makedirs(scratch, exist_ok=True)
        path = os.path.join(scratch, "payload.pyz")
        with open(path, "wb") as file:
            file.write(content)
        made = json.loads(zipimport.zipimporter(path).get_data("manifest.json").decode())["python"]
        here = "%d.%d" % sys.version_info[:2]
        if made != here:
            code, reason = 66, "PythonMismatch"
            words = "the payload needs Python %s and this is %s (%s): take an image such as python:%s-slim"
            raise ValueError(words % (made, here, sys.executable, made))
        os.execv(sys.executable, [sys.executable, path, "--pod"])
    except (ImportError, LookupError, OSError, TypeError, ValueError) as error:
        message = str(error)
    end = {"phase": "Failed", "reason": reason, "message": message, "delivered": False}
    end["completionTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        with open(given("EXPSDK_TERMINATION_LOG", "/dev/termination-log"), "w") as log:
            json.dump(end, log)
    except OSError:
        pass
    sys.stderr.write("expsdk: %s: %s\n" % (reason, message))
    sys.exit(code)
