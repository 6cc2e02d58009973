"""A change of what the gateway is told is taken whole or not at all, and disturbs nothing that it does not name."""
import json
import os
import signal
import threading

import pytest

from watch import HTTP, MODULES, entry, site, sites, until, watch  # noqa: F401

BAD = """modules:
  http: {prober: http, timeout: 900ms, http: {fail_if_body_matches_regexp: ["(unclosed"]}}
checks:
  - name: kept
    module: htpp
    interval: 1ms
    targets: ["http://127.0.0.1:1/never"]
"""
BAD_LINES = {2: "(unclosed", 5: "htpp", 6: "1ms"}


def runs(gateway, target):
    return gateway.value("sonde_check_runs_total", target=target)


def is_told_of(text, file):
    """All errors, each with its line and what is wrong there."""
    return all(any(f"{file}:{line}:" in told and word in told for told in text.split("\n")) for line, word in BAD_LINES.items())


def test_a_bad_file_is_refused_with_all_its_errors_and_the_old_one_goes_on(watch, site):
    good = {"modules": MODULES, "checks": [entry("kept", site.urls("kept", 5))]}
    gateway = watch(good)
    until("all are up", lambda: gateway.states() == {"up": 5})
    assert gateway.value("sonde_config_last_reload_successful") == 1
    before = gateway.json("/api/v1/status")["config"]
    since = {target: check["since"] for target, check in gateway.checks().items()}
    gateway.write(BAD)
    refused = gateway.ask("/-/reload", "POST")
    assert refused.status == 500
    assert is_told_of(refused.body, gateway.file)
    refusals = [line for line in gateway.log.read_text().splitlines() if 'msg="config refused' in line]
    assert is_told_of(refusals[-1].replace("\\n", "\n").replace('errors="', "\n"), gateway.file)
    metrics = gateway.metrics()
    assert metrics.value("sonde_config_last_reload_successful") == 0
    assert metrics.value("blackbox_exporter_config_last_reload_successful") == 0
    after = gateway.json("/api/v1/status")["config"]
    assert is_told_of(after.pop("error"), gateway.file)
    assert after == {key: value for key, value in before.items() if key != "error"}
    counted = {target: runs(gateway, target) for target in since}
    until("checks go on", lambda: all(runs(gateway, target) > count + 2 for target, count in counted.items()))
    assert {target: check["since"] for target, check in gateway.checks().items()} == since
    assert "\nprobe_success 1\n" in gateway.probe(site.url("/probe")).body
    assert gateway.ask("/-/reload").status == 405
    gateway.reload(good)
    assert gateway.value("sonde_config_last_reload_successful") == 1
    assert gateway.json("/api/v1/status")["config"]["error"] is None


def by_rename(gateway, text):
    gateway.write(text)


def by_truncation(gateway, text):
    """In two steps, between which the file is half of a document."""
    with open(gateway.file, "w") as file:
        file.write(text[:len(text) // 2])
        file.flush()
        file.write(text[len(text) // 2:])


def by_hangup(gateway, text):
    gateway.write(text)
    gateway.process.send_signal(signal.SIGHUP)


def by_a_swapped_link(gateway, text):
    """As Kubernetes mounts a ConfigMap: the file is a link, what it leads to is another."""
    real = gateway.file.with_name(f"real-{os.urandom(4).hex()}.yaml")
    real.write_text(text)
    link = gateway.file.with_suffix(".link")
    link.symlink_to(real)
    link.rename(gateway.file)


@pytest.mark.parametrize("change", [by_rename, by_truncation, by_hangup, by_a_swapped_link])
def test_a_change_of_the_file_is_taken_as_a_difference(watch, site, change):
    kept, gone, come = site.url("/kept"), site.url("/gone"), site.url("/come")
    gateway = watch({"modules": MODULES, "checks": [entry("some", [kept, gone])]})
    until("both are up", lambda: gateway.states() == {"up": 2})
    until("it has run", lambda: runs(gateway, kept) >= 5)
    since, counted = gateway.checks()[kept]["since"], runs(gateway, kept)
    gone_id = gateway.checks()[gone]["id"]
    change(gateway, json.dumps({"modules": MODULES, "checks": [entry("some", [kept, come])]}))
    until("the change is in force", lambda: set(gateway.checks()) == {kept, come})
    assert gateway.ask(f"/api/v1/checks/{gone_id}").status == 404
    metrics = gateway.metrics()
    assert {sample.labels["target"] for samples in metrics.samples.values() for sample in samples if "target" in sample.labels} == {kept, come}
    assert metrics.value("sonde_check_runs_total", target=kept) >= counted
    asked = site.asked["/gone"]
    until("the new one is up", lambda: gateway.states() == {"up": 2})
    until("the kept one ran on", lambda: runs(gateway, kept) >= counted + 5)
    assert site.asked["/gone"] == asked
    assert gateway.checks()[kept]["since"] == since


def test_a_half_written_list_of_targets_changes_nothing_until_it_is_whole(watch, site, tmp_path):
    file = tmp_path / "targets.json"

    def listed(*paths):
        return json.dumps([{"targets": [site.url(path) for path in paths]}])

    file.write_text(listed("/a", "/b"))
    gateway = watch({"modules": MODULES, "checks": [{"name": "listed", "module": "http", "interval": "200ms", "file_sd": ["*.json"]}]})
    until("both are up", lambda: gateway.states() == {"up": 2})
    since = {target: check["since"] for target, check in gateway.checks().items()}
    whole = listed("/b", "/c")
    file.write_text(whole[:-8])
    until("the half is refused", lambda: gateway.value("sonde_sd_ok") == 0)
    assert {target: check["since"] for target, check in gateway.checks().items()} == since
    counted = runs(gateway, site.url("/a"))
    until("the last good ones go on", lambda: runs(gateway, site.url("/a")) > counted + 2)
    with open(file, "a") as writing:
        writing.write(whole[-8:])
    until("the whole is taken", lambda: set(gateway.checks()) == {site.url("/b"), site.url("/c")})
    until("it is well again", lambda: gateway.value("sonde_sd_ok") == 1)
    assert gateway.checks()[site.url("/b")]["since"] == since[site.url("/b")]
    assert gateway.value("sonde_sd_failures_total") >= 1


def test_http_sd_names_targets_and_the_last_good_ones_stay(watch, site):
    def names(*paths):
        return 200, json.dumps([{"targets": [site.url(path) for path in paths], "labels": {"from": "sd"}}])

    site.answers["/sd"] = names("/a", "/b")
    gateway = watch({"modules": MODULES, "checks": [{"name": "sd", "module": "http", "interval": "200ms", "http_sd": [{"url": site.url("/sd"), "refresh": "1s"}]}]})
    until("both are up", lambda: gateway.states() == {"up": 2})
    since = gateway.checks()[site.url("/b")]["since"]
    assert gateway.checks()[site.url("/a")]["labels"] == {"from": "sd"}
    for broken in ((500, ""), (200, '[{"targets": ["http://'), (200, '{"not": "a list"}')):
        site.answers["/sd"] = broken
        failures = gateway.value("sonde_sd_failures_total")
        until("it failed", lambda: gateway.value("sonde_sd_failures_total") > failures)
        assert gateway.value("sonde_sd_ok") == 0
        assert set(gateway.checks()) == {site.url("/a"), site.url("/b")}
    site.answers["/sd"] = names("/b", "/c")
    until("it is taken", lambda: set(gateway.checks()) == {site.url("/b"), site.url("/c")})
    assert gateway.value("sonde_sd_ok") == 1
    assert gateway.checks()[site.url("/b")]["since"] == since
    assert not gateway.metrics().all("sonde_check_runs_total", target=site.url("/a"))


def test_checks_in_flight_live_through_a_reload(watch, site):
    paths = ["/kept", "/gone", "/other"]
    held = {path: site.url(path) for path in paths}

    def configuration(targets, **options):
        return {"modules": MODULES, "checks": [entry("held", targets, module="patient", interval="3s", fall=10, **options)]}

    gateway = watch(configuration(list(held.values())))
    until("all are up", lambda: gateway.states() == {"up": 3})
    since = gateway.checks()[held["/kept"]]["since"]
    site.silent |= set(paths)
    counted = site.asked.copy()
    until("each is in flight", lambda: all(site.asked[path] > counted[path] for path in paths))
    # One goes, one stays as it was, and one goes and comes back while its run goes on.
    in_flight = site.asked.copy()
    before = {path: runs(gateway, held[path]) for path in paths}
    gateway.reload(configuration([held["/kept"]]))
    assert set(gateway.checks()) == {held["/kept"]}
    gateway.reload(configuration([held["/kept"], held["/other"]], labels={"turn": "second"}))
    assert gateway.checks()[held["/other"]]["labels"] == {"turn": "second"}
    asked = site.asked["/kept"]
    if runs(gateway, held["/kept"]) == before["/kept"]:  # its run has not ended by itself meanwhile
        assert asked == in_flight["/kept"]  # so none began a second time
    site.silent.clear()
    until("both go on", lambda: all(site.asked[path] > in_flight[path] for path in ("/kept", "/other")))
    until("both are up", lambda: gateway.states() == {"up": 2})
    assert site.asked["/gone"] == in_flight["/gone"]
    check = gateway.check(held["/kept"])
    assert (check["since"], check["transitions"][-1]["to"], len(check["transitions"])) == (since, "up", 1)
    assert runs(gateway, held["/kept"]) > before["/kept"]


def test_another_threshold_or_module_keeps_what_is_known_of_a_check(watch, site):
    shop = site.url("/shop")

    def configuration(valid, **options):
        modules = {"http": {**HTTP, "http": {**HTTP["http"], "valid_status_codes": valid}}}
        return {"modules": modules, "checks": [entry("shop", [shop], **options)]}

    gateway = watch(configuration([200], fall=1000))
    until("it is up", lambda: gateway.states() == {"up": 1})
    since, counted = gateway.checks()[shop]["since"], runs(gateway, shop)
    gateway.reload(configuration([418], fall=1000, labels={"team": "web"}))
    until("the new module is what it runs by", lambda: gateway.checks()[shop]["last"].get("cause") == "status_code")
    assert gateway.checks()[shop]["since"] == since
    assert runs(gateway, shop) > counted
    assert gateway.metrics().all("sonde_check_up", target=shop, team="web")[0].value == 1
    gateway.reload(configuration([418], fall=2))
    until("it is down by the new threshold", lambda: gateway.states() == {"down": 1})
    assert [(moment["from"], moment["to"]) for moment in gateway.check(shop)["transitions"]] == [("unknown", "up"), ("up", "down")]


def test_many_reloads_at_once_are_each_answered(watch, site):
    good = {"modules": MODULES, "checks": [entry("all", site.urls("all", 20))]}
    gateway = watch(good)
    until("all are up", lambda: gateway.states() == {"up": 20})
    since = {target: check["since"] for target, check in gateway.checks().items()}
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(gateway.ask("/-/reload", "POST").status)) for _ in range(20)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(20)
    assert answers == [200] * 20
    assert {target: check["since"] for target, check in gateway.checks().items()} == since
    metrics = gateway.metrics()
    assert metrics.value("sonde_check_success_total") >= metrics.value("sonde_check_runs_total")
    assert metrics.value("sonde_check_skipped_total") == 0
