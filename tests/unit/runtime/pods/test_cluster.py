"""The connection to the API server, and reports into a Result, against a real server over TLS."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime.cluster import ApiError, ApiServer, ResultSink, connect
from expsdk_runtime.journal import Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.reporter import Reporter

PATH = "/apis/expsdk.dev/v1alpha1/namespaces/ml/results/train-0003"
STATUS: dict[str, Any] = {"phase": "Running", "message": "", "metrics": {}, "history": {}, "objectives": {}}


@pytest.fixture
def sink(client: ApiServer) -> ResultSink:
    return ResultSink(client, PATH, interval_s=0.05)


def test_an_answer_is_the_whole_result_and_tells_of_a_stop(server: Any, sink: ResultSink) -> None:
    assert sink.read()["spec"]["number"] == 3
    assert (sink.stop(), sink.listen()) == ("", None)
    server.result["spec"]["stop"] = "pruned"
    sink.report(STATUS)
    assert sink.stop() == "pruned"
    assert server.status == STATUS


def test_metrics_that_are_left_out_vanish_from_the_result(server: Any, sink: ResultSink) -> None:
    sink.report({**STATUS, "metrics": {"a": 1, "b": {"last": 1}}, "history": {"a": 1}})
    sink.report({**STATUS, "metrics": {"b": {"last": 2}}, "history": {}})
    assert (server.status["metrics"], server.status["history"]) == ({"b": {"last": 2}}, {})


def test_a_connection_is_kept(server: Any, sink: ResultSink) -> None:
    for _ in range(5):
        sink.report(STATUS)
    assert len({request.connection for request in server.requests}) == 1


def test_a_kept_connection_that_the_server_has_closed_is_opened_again(server: Any, sink: ResultSink) -> None:
    server.closes = True
    for _ in range(4):
        sink.report(STATUS)
    assert len({request.connection for request in server.requests}) == 4
    assert len(server.patches) == 4


@pytest.mark.parametrize("code", [403, 404, 409, 413, 422, 429, 500, 503])
def test_what_the_server_refuses_is_an_os_error_with_its_words(server: Any, sink: ResultSink, code: int) -> None:
    server.answers = [(code, {"Retry-After": "7"})]
    with pytest.raises(ApiError, match=f"answers {code} .* to PATCH {PATH}/status: made to answer {code}") as caught:
        sink.report(STATUS)
    assert isinstance(caught.value, OSError)
    assert caught.value.status == code
    assert caught.value.retry_after_s == (30 if code in (403, 404, 413, 422) else 7)
    assert caught.value.is_busy == (code in (429, 500, 503))
    sink.report(STATUS)
    assert server.status == STATUS


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-3", "soon", ""])
def test_a_retry_after_that_says_no_seconds_says_nothing(server: Any, sink: ResultSink, header: str) -> None:
    server.answers = [(429, {"Retry-After": header})]
    with pytest.raises(ApiError) as caught:
        sink.report(STATUS)
    assert caught.value.retry_after_s == 0


@pytest.mark.parametrize("code", [403, 404, 413, 422])
def test_what_will_not_change_soon_is_said_once(
    server: Any, sink: ResultSink, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    server.always = (code, {})
    for _ in range(3):
        with pytest.raises(ApiError):
            sink.report(STATUS)
    assert capsys.readouterr().err.count("expsdk: ") == 1


def test_a_new_token_is_used_from_its_first_moment(server: Any, sink: ResultSink, account: Path) -> None:
    sink.report(STATUS)
    (account / "token").write_text("newer")
    server.tokens.add("newer")
    sink.report(STATUS)
    assert [request.token for request in server.requests] == ["secret", "newer"]


def test_a_token_that_is_replaced_while_it_is_used_is_read_again(server: Any, sink: ResultSink, account: Path) -> None:
    def replace(request: Any) -> None:
        server.tokens = {"newer"}
        (account / "token").write_text("newer")

    server.before = replace
    sink.report(STATUS)
    assert [request.token for request in server.requests] == ["secret", "newer"]


def test_a_token_that_is_not_valid_is_no_reason_to_try_without_end(server: Any, sink: ResultSink) -> None:
    server.tokens = set()
    with pytest.raises(ApiError, match="answers 401"):
        sink.report(STATUS)
    assert len(server.requests) == 1


def test_the_last_token_serves_while_there_is_no_file(server: Any, sink: ResultSink, account: Path) -> None:
    sink.report(STATUS)
    (account / "token").unlink()
    sink.report(STATUS)
    assert server.requests[-1].token == "secret"


def test_a_server_that_hangs_is_given_up_after_the_timeout(server: Any, client: ApiServer) -> None:
    client.timeout_s = 0.3
    server.gate.clear()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        client.request("GET", PATH)
    assert time.monotonic() - began < 5
    server.gate.set()
    assert client.request("GET", PATH)["spec"]["number"] == 3


def test_a_kept_connection_that_hangs_is_not_asked_twice(server: Any, client: ApiServer) -> None:
    client.timeout_s = 0.3
    client.request("GET", PATH)
    server.gate.clear()
    with pytest.raises(TimeoutError):
        client.request("GET", PATH)
    assert len(server.requests) == 2


def test_a_server_without_the_authoritys_certificate_is_told_nothing(
    server: Any, client: ApiServer, account: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*command, "-subj", "/CN=other", "-keyout", "/dev/null", "-out", other], check=True, stderr=subprocess.DEVNULL
    )
    (account / "ca.crt").write_bytes(other.read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.request("GET", PATH)
    assert server.requests == []


@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_what_is_no_answer_is_an_os_error(server: Any, client: ApiServer, answer: bytes) -> None:
    def respond(self: Any) -> None:
        self.wfile.write(answer)
        self.close_connection = True

    server.RequestHandlerClass = type("Broken", (server.RequestHandlerClass,), {"do_GET": respond})
    with pytest.raises(OSError):  # noqa: PT011
        client.request("GET", PATH)


def test_nobody_there_is_an_os_error(account: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = ApiServer("127.0.0.1", taken.getsockname()[1], account_dir=str(account))
        with pytest.raises(ConnectionRefusedError):
            client.request("GET", PATH)


def test_without_an_account_there_is_an_os_error(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "9"}
    client = connect({**environment, "EXPSDK_ACCOUNT_DIR": str(tmp_path / "none")})
    with pytest.raises(FileNotFoundError):
        client.request("GET", PATH)


class TestReporting:
    """The reporter with this sink: how often a server is asked that has had enough."""

    @pytest.fixture
    def reporter(self, sink: ResultSink, tmp_path: Path) -> Any:
        facts = {"phase": "Running", "reason": "", "message": ""}
        journal = Journal(str(tmp_path / "metrics.jsonl"))
        reporter = Reporter(facts, ledger=Ledger([("loss", "minimize")]), journal=journal, sink=sink)
        yield reporter
        reporter.finish({"phase": "Succeeded"})

    def log_for(self, reporter: Reporter, seconds: float) -> None:
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            reporter.recorder.log("loss", 1.0, None)
            time.sleep(0.005)

    def test_at_most_one_report_an_interval_and_none_without_news(self, server: Any, reporter: Reporter) -> None:
        reporter.start()
        self.log_for(reporter, 1.0)
        time.sleep(0.3)
        count = len(server.requests)
        assert 5 < count <= 1.0 / (0.9 * 0.05) + 2
        time.sleep(0.3)
        assert len(server.requests) == count

    def test_retry_after_is_kept_to(self, server: Any, reporter: Reporter) -> None:
        server.answers = [(429, {"Retry-After": "1"})]
        reporter.start()
        self.log_for(reporter, 1.5)
        assert server.requests[1].at - server.requests[0].at >= 1.0

    def test_a_busy_server_is_asked_little_by_little_more_often(self, server: Any, reporter: Reporter) -> None:
        server.answers = [(429, {})] * 3
        reporter.start()
        self.log_for(reporter, 2.5)
        pauses = [later.at - earlier.at for earlier, later in pairwise(server.requests[3:])]
        assert pauses[0] > 0.9 * 0.4 > 0.3 > 1.2 * pauses[5]

    def test_a_slow_server_is_asked_less_often(self, server: Any, reporter: Reporter) -> None:
        server.before = lambda request: time.sleep(0.05)
        reporter.start()
        self.log_for(reporter, 1.2)
        assert len(server.requests) <= 4
