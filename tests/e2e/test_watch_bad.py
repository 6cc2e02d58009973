"""The gateway where all else fails: targets, names, disk, receivers, clients. What it says of a target stays true, and it goes on."""
import contextlib
import gzip
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from watch import HTTP, MODULES, entry, site, sites, unix, until, watch  # noqa: F401


def transitions(gateway, target):
    return [(moment["from"], moment["to"]) for moment in gateway.check(target)["transitions"]]


def failures(metrics, **labels):
    """Of the runs. Successes are read after the runs, so one that ends meanwhile hides none."""
    return max(metrics.value("sonde_check_runs_total", **labels) - metrics.value("sonde_check_success_total", **labels), 0)


# --- targets ----------------------------------------------------------------------------------------------------------------


def test_silent_targets_turn_down_with_a_cause_and_delay_nobody(watch, site):
    healthy, silent = site.urls("healthy", 40), site.urls("silent", 10)
    gateway = watch({"modules": {**MODULES, "silent": {**HTTP, "timeout": "400ms"}},
                     "checks": [entry("healthy", healthy, interval="1s"), entry("silent", silent, interval="1s", module="silent", fall=2)]})
    until("all are up", lambda: gateway.states() == {"up": 50})
    site.silent |= {f"/silent/{i}" for i in range(10)}
    until("the silent ones are down", lambda: gateway.states("silent") == {"down": 10})
    seen = dict(site.asked)
    until("the others ran on", lambda: all(site.asked[f"/healthy/{i}"] >= seen[f"/healthy/{i}"] + 3 for i in range(40)))
    for check in gateway.checks("silent").values():
        last = check["last"]
        assert (last["phase"], last["outcome"], last["cause"]) == ("first_byte", "timeout", "acked_no_reply")
    assert gateway.states("healthy") == {"up": 40}
    metrics = gateway.metrics()
    assert metrics.value("sonde_check_shed_total") + metrics.value("sonde_check_skipped_total") == 0
    assert len(metrics.all("sonde_check_last_cause_info", check="silent", phase="first_byte", cause="acked_no_reply")) == 10
    assert failures(metrics, check="healthy") == 0
    # Each run's start is in the histogram of lateness; /metrics is not of one moment, but comes to agree.
    until("as many starts as runs are told", lambda: (lambda now: now.value("sonde_check_lateness_seconds_count") == now.value("sonde_check_runs_total")
                                                      )(gateway.metrics()))


def test_a_server_that_is_killed_turns_its_checks_down_once(watch, sites):
    site = sites()
    gateway = watch({"modules": MODULES, "checks": [
        entry("all", site.urls("all", 60), fall=3, flap={"window": 20, "high": 0.5, "low": 0.25})]})
    until("all are up", lambda: gateway.states() == {"up": 60})
    before = {target: gateway.metrics().value("sonde_check_runs_total", target=target) for target in gateway.checks()}
    site.stop()
    until("all are down", lambda: gateway.states() == {"down": 60})
    down = gateway.metrics()
    until("each ran on", lambda: (lambda now: all(now.value("sonde_check_runs_total", target=target) >= down.value("sonde_check_runs_total", target=target) + 3
                                                  for target in before))(gateway.metrics()))
    for target in before:
        check = gateway.check(target)
        assert [(moment["from"], moment["to"]) for moment in check["transitions"]] == [("unknown", "up"), ("up", "down")]
        assert check["transitions"][-1]["cause"].startswith("connect refused")
        # `fall` failures, not fewer, are in the history before the turn: the one that turned it is the third.
        turned = check["transitions"][-1]["ts"]
        points = [point for point in gateway.history(target) if point["ts"] <= turned]
        assert [point["success"] for point in points[-3:]] == [0, 0, 0]
        assert points[-4]["success"] == 1
    again = sites(site.port)
    until("all are up again", lambda: gateway.states() == {"up": 60})
    assert all(transitions(gateway, target) == [("unknown", "up"), ("up", "down"), ("down", "up")] for target in before)
    assert again.asked


def test_nothing_turns_down_while_the_own_network_is_down(watch, sites):
    site, own = sites(), sites()
    gateway = watch({"modules": MODULES, "checks": [entry("all", site.urls("all", 20), fall=5)],
                     "self": {"targets": own.urls("self", 2), "module": "http", "interval": "100ms"}})
    until("all are up", lambda: gateway.states("all") == {"up": 20})
    own.stop()
    until("the network is down", lambda: gateway.json("/api/v1/status")["self"] == "network_down")
    site.stop()
    until("each failed more often than `fall`", lambda: all(
        sum(1 - point["success"] for point in gateway.history(target)) > 10 for target in gateway.checks("all")))
    assert gateway.states("all") == {"up": 20}
    assert all(check["last"]["counted"] is False for check in gateway.checks("all").values())
    assert gateway.value("sonde_self_network_down") == 1
    assert not [line for line in gateway.log.read_text().splitlines() if "check=all" in line and "to=down" in line]
    sites(own.port)
    until("the network is back", lambda: gateway.json("/api/v1/status")["self"] == "ok")
    until("what is down by itself turns down", lambda: gateway.states("all") == {"down": 20})


def test_a_resolver_that_is_silent_fails_named_targets_alone(watch, site):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        named = [f"http://host{i}.test:{site.port}/named" for i in range(10)]
        gateway = watch({"modules": MODULES, "checks": [entry("named", named, interval="1s"), entry("plain", site.urls("plain", 10))]},
                        "--resolvers", f"127.0.0.1:{silent.getsockname()[1]}")
        until("the named ones are down", lambda: gateway.states("named") == {"down": 10})
        assert gateway.states("plain") == {"up": 10}
        assert {(check["last"]["phase"], check["last"]["outcome"]) for check in gateway.checks("named").values()} == {("dns", "timeout")}
        metrics = gateway.metrics()
        assert failures(metrics, check="plain") == 0
        assert metrics.value("sonde_check_success_total", check="named") == 0
        assert silent.recv(512)  # it was asked
        assert not site.asked["/named"]


BOMB = gzip.compress(bytes(64 << 20))


def pour(head, piece):
    """A server that never ends what it says."""

    def behave(connection):
        connection.recv(4096)
        connection.settimeout(2)
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return behave


def test_a_body_bomb_and_endless_headers_cost_no_memory(watch, site, served):
    def bomb(connection):
        connection.recv(4096)
        connection.settimeout(2)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB)

    unzipped = served(bomb)
    headers = served(pour(b"HTTP/1.1 200 OK\r\n", b"X-Endless: " + b"a" * 1000 + b"\r\n"))
    line = served(pour(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 4096))
    body = served(pour(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 4096))
    modules = {**MODULES, "zipped": {**HTTP, "http": {**HTTP["http"], "compression": "gzip", "body_size_limit": "1MB"}},
               "searched": {**HTTP, "http": {**HTTP["http"], "fail_if_body_not_matches_regexp": ["never there"]}}}
    bad = [f"http://127.0.0.1:{port}/" for port in (unzipped, headers, line, body)]
    gateway = watch({"modules": modules, "checks": [
        entry("zipped", bad[:1], module="zipped", interval="1s"), entry("searched", bad[1:], module="searched", interval="1s"),
        entry("plain", site.urls("plain", 5))]})
    until("the plain ones are up", lambda: gateway.states("plain") == {"up": 5})
    until("each bad one ran twice and is down", lambda: (lambda metrics: all(metrics.value("sonde_check_runs_total", target=target) >= 2 for target in bad)
                                                        )(gateway.metrics()) and gateway.states("zipped") + gateway.states("searched") == {"down": 4})
    assert gateway.checks()[bad[0]]["last"]["cause"] == "body_size"
    assert gateway.states("plain") == {"up": 5}
    assert gateway.value("process_resident_memory_bytes") < 160 << 20


# --- limits -----------------------------------------------------------------------------------------------------------------


def test_beyond_the_limits_low_is_shed_and_nothing_turns_down(watch, site):
    tiers = [{"below": 0.8, "fill": 1.0}, {"below": 1.5, "fill": 1.2, "delay": {"max": "50ms"}}, {"above": 1.5, "fill": "decay", "shed": "low"}]
    gateway = watch({"modules": MODULES, "limits": {"rate": 20, "burst": 20, "window": "2s", "tiers": tiers}, "checks": [
        entry("high", site.urls("high", 10), interval="1s", priority="high", fall=1),
        entry("normal", site.urls("normal", 10), interval="1s", fall=1),
        entry("low", site.urls("low", 60), interval="1s", priority="low", fall=1)]})
    until("low ones were shed", lambda: gateway.value("sonde_check_shed_total", priority="low") > 150)
    metrics = gateway.metrics()
    assert metrics.value("sonde_check_shed_total", priority="high") == 0
    assert metrics.value("sonde_check_skipped_total", priority="high") == 0
    runs = [sample.value for sample in metrics.all("sonde_check_runs_total", check="high")]
    assert len(runs) == 10
    assert min(runs) >= 2
    assert max(runs) - min(runs) <= 1
    low = metrics.value("sonde_check_runs_total", check="low")
    assert low < metrics.value("sonde_check_shed_total", priority="low")
    assert failures(metrics) == 0
    assert metrics.value("sonde_checks", state="down") == 0
    assert gateway.states("high") == {"up": 10}
    assert metrics.value("sonde_limiter_tier") == 3
    # Of four times the rate.
    assert gateway.json("/api/v1/status")["limiter"]["offered"] > 40


def test_probes_beyond_the_most_are_told_to_come_again(watch, site):
    site.silent.add("/held")
    gateway = watch({"modules": MODULES}, "--max-probes", 4)
    answers = []
    held = [threading.Thread(target=lambda: answers.append(gateway.probe(site.url("/held"), "patient"))) for _ in range(4)]
    for one in held:
        one.start()
    until("they are in flight", lambda: site.asked["/held"] == 4)
    refused = gateway.probe(site.url("/free"))
    assert (refused.status, refused.fields["Retry-After"]) == (503, "1")
    assert gateway.value("sonde_probes_refused_total") == 1
    assert gateway.value("sonde_probes_in_flight") == 4
    site.silent.clear()
    for one in held:
        one.join(20)
    assert [answer.status for answer in answers] == [200] * 4
    assert all("\nprobe_success 1\n" in answer.body for answer in answers)
    until("there is room", lambda: gateway.value("sonde_probes_in_flight") == 0)
    assert "\nprobe_success 1\n" in gateway.probe(site.url("/free")).body
    assert site.asked["/free"] == 1


def test_probes_in_flight_are_answered_before_it_ends(watch, site):
    site.silent |= {"/held", "/check"}
    gateway = watch({"modules": MODULES, "checks": [entry("held", [site.url("/check")], module="patient", interval="15s")]})
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(gateway.probe(site.url("/held"), "patient"))) for _ in range(10)]
    for one in asking:
        one.start()
    until("they are in flight", lambda: site.asked["/held"] == 10)
    gateway.process.send_signal(signal.SIGTERM)


    def refuses():
        try:
            socket.create_connection(("127.0.0.1", gateway.port), timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False

    until("who comes late is refused", refuses)
    assert gateway.process.poll() is None
    site.silent.clear()
    for one in asking:
        one.join(20)
    assert len(answers) == 10
    assert all(answer.status == 200 and "\nprobe_success 1\n" in answer.body for answer in answers)
    assert gateway.process.wait(20) == 0


# --- clients ----------------------------------------------------------------------------------------------------------------

SLOW, IDLE = 200, 10_000  # the server holds 10,000


@pytest.fixture
def many_descriptors():
    """For 10,200 sockets of our own, and as many of the gateway, which inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 12_000:
        pytest.skip(f"the hard limit of descriptors is {hard}, less than 12,000")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 12_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_slow_and_idle_clients_keep_nobody_from_an_answer(watch, site, many_descriptors):
    gateway = watch({"modules": MODULES, "checks": [entry("all", site.urls("all", 10))]})
    until("all are up", lambda: gateway.states() == {"up": 10})
    with contextlib.ExitStack() as clients:
        idle = [clients.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=20)) for _ in range(IDLE)]
        slow = [clients.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=20)) for _ in range(SLOW)]
        request = iter(f"GET /probe?module=http&target={site.url('/slow')} HTTP/1.1\r\nHost: x\r\n".encode() + b"X: y\r\n" * 1000)
        answered, turned_away = 0, set()

        def trickle():
            letter = bytes([next(request)])
            for one in slow:
                if one in turned_away:
                    continue
                try:
                    one.send(letter)
                except OSError:
                    turned_away.add(one)
            return len(turned_away) == SLOW

        # Until the last one is turned away, 10 s behind its first byte, others are served between its bytes.
        deadline = time.monotonic() + 30
        while not trickle() and time.monotonic() < deadline:
            answer = gateway.probe(site.url("/asked"))
            assert answer.status == 200
            assert "\nprobe_success 1\n" in answer.body
            answered += 1
            time.sleep(0.1)
        assert len(turned_away) == SLOW
        assert answered == site.asked["/asked"] > 10
        assert not site.asked["/slow"]
        metrics = gateway.metrics()
        assert failures(metrics) == 0
        # Of the idle ones those that were so longest made room for who came; the others are kept.
        assert idle[0].recv(100) == b""
        idle[-1].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle[-1].recv(100).startswith(b"HTTP/1.1 200 ")


# --- the history --------------------------------------------------------------------------------------------------------------


def in_a_small_tmpfs(folder, size):
    """The words before a command that has a disk of its own, and the limit that it is small."""
    maps = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [shutil.which("unshare"), "--mount", *maps, "sh", "-c",
            f'mount -t tmpfs -o size={size} tmpfs "{folder}" && exec "$@"', "sh"]


def test_a_full_disk_stops_the_history_alone_until_there_is_room(watch, site, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    before = in_a_small_tmpfs(disk, "1m")
    possible = subprocess.run([*before, "true"], capture_output=True, text=True)
    if possible.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {possible.stderr.strip()}")
    gateway = watch({"modules": MODULES, "checks": [entry("all", site.urls("all", 30))], "storage": {"path": str(disk / "history.db")}}, before=before)
    inside = pathlib.Path(f"/proc/{gateway.process.pid}/root{disk}")
    until("the history is written", lambda: gateway.value("sonde_history_results_total") > 100)
    filler = inside / "filler"
    with pytest.raises(OSError, match="No space"), open(filler, "wb", buffering=0) as full:
        while True:
            full.write(bytes(4096))
    until("it tells so", lambda: "history_problem" in gateway.json("/api/v1/status"))
    assert gateway.value("sonde_history_ok") == 0
    seen = dict(site.asked)
    until("probing goes on", lambda: all(site.asked[f"/all/{i}"] > seen[f"/all/{i}"] + 5 for i in range(30)))
    assert gateway.states() == {"up": 30}
    assert gateway.value("sonde_history_queued") > 0
    filler.unlink()
    until("it is written again", lambda: gateway.value("sonde_history_ok") == 1)
    assert "history_problem" not in gateway.json("/api/v1/status")
    # What ran meanwhile is there: it has waited in memory.
    assert gateway.value("sonde_history_dropped_total") == 0
    target = site.url("/all/0")
    asked = site.asked["/all/0"]
    until("all that ran is in the history", lambda: sum(point["count"] for point in gateway.history(target)) >= asked)


def test_a_limit_of_file_sizes_is_a_full_disk(watch, site, tmp_path):
    """RLIMIT_FSIZE: the kernel sends a signal that ends a process that does not expect it."""
    gateway = watch({"modules": MODULES, "checks": [entry("all", site.urls("all", 5))], "storage": {"path": str(tmp_path / "history.db")}})
    until("the history is written", lambda: gateway.value("sonde_history_results_total") > 10)
    _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
    until("it tells so", lambda: gateway.process.poll() is not None or "history_problem" in gateway.json("/api/v1/status"))
    assert gateway.process.poll() is None
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    until("it is written again", lambda: gateway.value("sonde_history_ok") == 1)
    assert gateway.states() == {"up": 5}


def test_kill_9_loses_no_state_and_the_last_moment_of_history_alone(watch, sites, tmp_path):
    site, gone = sites(), sites()
    gateway = watch({"modules": MODULES, "storage": {"path": str(tmp_path / "history.db")},
                     "checks": [entry("all", site.urls("all", 20)), entry("gone", gone.urls("gone", 5), fall=2)]})
    until("all are up", lambda: gateway.states() == {"up": 25})
    gone.stop()
    until("those are down", lambda: gateway.states() == {"up": 20, "down": 5})
    first = gateway.history(site.url("/all/0"))[-1]["ts"]
    known = {target: [point for point in gateway.history(target) if point["ts"] <= first] for target in gateway.checks()}
    since = {target: (check["state"], check["since"]) for target, check in gateway.checks().items()}

    # By the results' own times: 1.5 s are over behind `first`.
    until("time has gone by", lambda: unix(gateway.history(site.url("/all/0"))[-1]["ts"]) - unix(first) > 1.7)
    assert gateway.end(signal.SIGKILL) == -signal.SIGKILL
    gateway.begin()
    assert {target: (check["state"], check["since"]) for target, check in gateway.checks().items()} == since
    for target, points in known.items():
        assert [point for point in gateway.history(target) if point["ts"] <= first] == points
    assert transitions(gateway, gone.url("/gone/0")) == [("unknown", "up"), ("up", "down")]
    until("it goes on", lambda: gateway.value("sonde_history_results_total") > 100)
    assert gateway.states() == {"up": 20, "down": 5}


# --- receivers ------------------------------------------------------------------------------------------------------------------


def test_a_webhook_is_told_of_each_turn_once_also_when_it_was_away(watch, sites):
    site, hook = sites(), sites()
    gateway = watch({"modules": MODULES, "checks": [entry("shop", [site.url("/shop")], fall=2, rise=2, labels={"team": "web"})],
                     "alerts": {"webhooks": [hook.url("/hook")]}})
    until("it is up", lambda: gateway.states() == {"up": 1})

    def told(receiver):
        return [(post["from"], post["to"]) for post in receiver.posts["/hook"]]

    def turn(status, state):
        site.answers["/shop"] = (status, "")
        until(f"it is {state}", lambda: gateway.states() == {state: 1})

    turn(500, "down")
    turn(200, "up")
    until("it was told", lambda: len(told(hook)) >= 2)
    assert told(hook) == [("up", "down"), ("down", "up")]  # that it was up at first is no news
    post = hook.posts["/hook"][0]
    assert (post["check"], post["target"], post["labels"]) == ("shop", site.url("/shop"), {"team": "web"})
    assert post["cause"].endswith("status_code")
    hook.stop()
    turn(500, "down")
    turn(200, "up")
    until("it could not be told", lambda: gateway.value("sonde_alerts_failures_total") >= 1)
    assert gateway.value("sonde_alerts_queued") == 2
    back = sites(hook.port)
    until("it was told of both", lambda: gateway.value("sonde_alerts_queued") == 0)
    assert told(back) == [("up", "down"), ("down", "up")]
    assert gateway.value("sonde_alerts_dropped_total") == 0


def test_an_alertmanager_gets_what_fires_and_what_ended(watch, site):
    gateway = watch({"modules": MODULES, "checks": [entry("shop", [site.url("/shop")], labels={"team": "web"})],
                     "alerts": {"alertmanagers": [site.url("")]}})
    until("it is up", lambda: gateway.states() == {"up": 1})
    site.answers["/shop"] = (500, "")
    posts = site.posts["/api/v2/alerts"]
    until("it fires", lambda: any("endsAt" not in alert for post in posts for alert in post))
    firing = next(alert for post in posts for alert in post if "endsAt" not in alert)
    assert firing["labels"] == {"alertname": "SondeCheckDown", "check": "shop", "module": "http", "target": site.url("/shop"), "team": "web"}
    assert "status_code" in firing["annotations"]["cause"]
    site.answers["/shop"] = (200, "")
    until("it has ended", lambda: posts[-1][-1]["labels"] == firing["labels"] and "endsAt" in posts[-1][-1])
    ended = posts[-1][-1]
    assert ended["startsAt"] == firing["startsAt"] < ended["endsAt"]
    fired = [alert for post in posts for alert in post if "endsAt" not in alert]
    assert len(fired) == 1
