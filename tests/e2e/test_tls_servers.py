"""`--probe tls` against the TLS servers of Debian, by both engines: what was negotiated, and whose certificate it was.

All servers run side by side; each engine scans them all at once, and the tests look at the records.
"""
import subprocess
from concurrent.futures import ThreadPoolExecutor

import certificates
import pytest
from conftest import records_in
from tls_servers import Park, iana_names, s_client

ENGINES = ["lean", "full"]


def run_sonde(sonde_bin, *arguments):
    return subprocess.run([sonde_bin, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def scan_all(sonde_bin, ports, *options):
    """{name: port} → {name: record}, all in one scan."""
    done = run_sonde(sonde_bin, "scan", "--all", "--probe", "tls", "--progress", "none", *options, *(f"127.0.0.1:{port}" for port in ports.values()))
    assert done.returncode == 0, done.stderr
    by_port = {record["port"]: record for record in records_in(done.stdout)}
    assert len(by_port) == len(ports)
    return {name: by_port[port] for name, port in ports.items()}


@pytest.fixture(scope="module")
def client():
    return certificates.issue("a client", issuer=certificates.root())


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    leaf, other = certificates.leaf(), certificates.leaf("other.test")
    roots, ocsp = certificates.root().file, certificates.ocsp_response(leaf)
    tls = f"listen PORT ssl http2; ssl_certificate {leaf.chain_file}; ssl_certificate_key {leaf.key};"
    demand = ["-Verify", 1, "-CAfile", roots, "-verify_return_error"]
    with Park(tmp_path_factory.mktemp("servers")) as park:
        ports = {
            "s_server": park.s_server(leaf, "-alpn", "h2,http/1.1", "-serverpref", "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"),
            "s_server-1.2": park.s_server(leaf, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            "s_server-1.1": park.s_server(leaf, "-tls1_1", "-cipher", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"),
            "s_server-1.0": park.s_server(leaf, "-tls1", "-cipher", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"),
            "p256": park.s_server(leaf, "-groups", "P-256"),
            "p384": park.s_server(leaf, "-groups", "P-384"),
            "p521": park.s_server(leaf, "-groups", "P-521"),
            "demands-1.3": park.s_server(leaf, *demand, "-tls1_3"),
            "demands-1.2": park.s_server(leaf, *demand, "-tls1_2"),
            "stapled-1.3": park.s_server(leaf, "-status_file", ocsp, "-tls1_3"),
            "stapled-1.2": park.s_server(leaf, "-status_file", ocsp, "-tls1_2"),
            "scts-1.3": park.s_server(leaf, "-serverinfo", certificates.serverinfo(3), "-tls1_3"),
            "scts-1.2": park.s_server(leaf, "-serverinfo", certificates.serverinfo(3), "-tls1_2"),
            "gnutls": park.gnutls(leaf, "NORMAL:-VERS-ALL:+VERS-TLS1.3:%SERVER_PRECEDENCE"),
            "gnutls-1.2": park.gnutls(leaf, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM"),
            "nginx": park.nginx(f"{tls} ssl_protocols TLSv1.2 TLSv1.3; ssl_stapling on; ssl_stapling_file {ocsp};"),
            "nginx-1.2": park.nginx(f"{tls} ssl_protocols TLSv1.2; ssl_prefer_server_ciphers on; ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305:HIGH;"),
            "nginx-names": park.nginx(f"{tls} server_name site.test;", "listen PORT ssl http2; server_name other.test; "
                                      f"ssl_certificate {other.chain_file}; ssl_certificate_key {other.key};"),
            "haproxy": park.haproxy(leaf, "alpn h2,http/1.1 ciphersuites TLS_CHACHA20_POLY1305_SHA256"),
            "caddy": park.caddy(leaf),
        }
        ports["stunnel"] = park.stunnel(leaf, ports["nginx"])
        park.ready()
        yield ports


@pytest.fixture(scope="module")
def found(sonde_bin, servers):
    """By engine, then by server: the record of a scan with --verify for site.test."""
    options = ["--sni", "site.test", "--verify", "--ca", certificates.root().file]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(ENGINES, pool.map(lambda engine: scan_all(sonde_bin, servers, "--tls-engine", engine, *options), ENGINES), strict=True))


# Server: version, alpn. The lean engine has no P-521 and leaves early, so it never hears a server's refusal.
NEGOTIATED = {
    "s_server": ("TLS1.3", "h2"), "s_server-1.2": ("TLS1.2", None), "s_server-1.1": ("TLS1.1", None), "s_server-1.0": ("TLS1.0", None),
    "p256": ("TLS1.3", None), "p384": ("TLS1.3", None), "demands-1.3": ("TLS1.3", None), "stapled-1.3": ("TLS1.3", None),
    "stapled-1.2": ("TLS1.2", None), "scts-1.3": ("TLS1.3", None), "scts-1.2": ("TLS1.2", None), "gnutls": ("TLS1.3", None),
    "gnutls-1.2": ("TLS1.2", None), "nginx": ("TLS1.3", "h2"), "nginx-1.2": ("TLS1.2", "h2"), "nginx-names": ("TLS1.2", "h2"),
    "haproxy": ("TLS1.3", "h2"), "caddy": ("TLS1.3", "h2"), "stunnel": ("TLS1.3", None),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server", NEGOTIATED)
def test_version_alpn_chain_and_verdict_are_those_of_the_server(found, engine, server):
    record = found[engine][server]
    assert (record["outcome"], record["phase"]) == ("success", "done"), record
    tls = record["tls"]
    assert (tls["engine"], tls["version"], tls.get("alpn"), tls["sni"]) == (engine, *NEGOTIATED[server], "site.test")
    assert tls["certificate"]["subject_cn"] == "site.test" and tls["certificate"]["host_matches"]
    assert [entry["subject_cn"] for entry in tls["chain"]] == ["Sonde Test Intermediate"]
    assert tls["verified"] and "verify_error" not in tls
    assert record["timing_us"]["tls"] > 0 and record["timing_us"]["total"] >= record["timing_us"]["tls"] + record["timing_us"]["connect"]


# Servers whose own choice it is, so that every client gets the same suite.
SERVERS_THAT_CHOOSE = ["s_server", "s_server-1.2", "gnutls-1.2", "nginx-1.2", "haproxy"]


@pytest.mark.parametrize("server", SERVERS_THAT_CHOOSE)
def test_both_engines_agree_with_s_client(found, servers, server):
    version, cipher, alpn = s_client(servers[server], "-servername", "site.test")
    wanted = (version, iana_names()[cipher], alpn)
    for engine in ENGINES:
        tls = found[engine][server]["tls"]
        assert (tls["version"], tls["cipher"], tls.get("alpn")) == wanted, engine


@pytest.mark.parametrize("engine", ENGINES)
def test_an_old_server_is_read_with_its_old_suite(found, engine):
    for server in ("s_server-1.0", "s_server-1.1"):
        assert found[engine][server]["tls"]["cipher"] == "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"


@pytest.mark.parametrize("engine", ENGINES)
def test_certificate_fields_are_those_of_openssl(found, engine):
    leaf = certificates.leaf()
    shown = certificates.openssl("x509", "-in", leaf.file, "-noout", "-serial", "-fingerprint", "-sha256").decode().splitlines()
    assert found[engine]["nginx"]["tls"]["certificate"] == {
        "subject_cn": "site.test", "subject_dn": "CN=site.test", "issuer_cn": "Sonde Test Intermediate", "issuer_dn": "CN=Sonde Test Intermediate",
        "serial": shown[0].split("=")[1].lower(), "not_before": "2020-01-01T00:00:00Z", "not_after": "2099-12-31T23:59:59Z",
        "san": ["site.test", "127.0.0.1"], "key_type": "ecdsa-p256", "signature_algorithm": "ecdsa-with-SHA256",
        "sha256": shown[1].split("=")[1].replace(":", "").lower(), "self_signed": False, "expired": False, "not_yet_valid": False,
        "host_matches": True, "wildcard": False}


# --- groups -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server, group", [("p256", "secp256r1"), ("p384", "secp384r1")])
def test_a_retry_to_the_servers_only_group_is_followed(found, engine, server, group):
    tls = found[engine][server]["tls"]
    assert (tls["group"], tls["hello_retry"]) == (group, True)
    assert (found[engine]["nginx"]["tls"]["group"], found[engine]["nginx"]["tls"]["hello_retry"]) == ("x25519", False)


def test_p521_is_a_matter_of_the_full_engine(found):
    full, lean = found["full"]["p521"], found["lean"]["p521"]
    assert full["outcome"] == "success" and (full["tls"]["group"], full["tls"]["hello_retry"]) == ("secp521r1", True)
    assert (lean["outcome"], lean["phase"], lean["tls"]["alert"]) == ("tls_error", "tls", "handshake_failure")


# --- what comes with the certificate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_stapling_is_told_where_it_happens_and_only_there(found, engine):
    told = {server: found[engine][server]["tls"]["ocsp_stapled"] for server in NEGOTIATED}
    assert {server for server, stapled in told.items() if stapled} == {"stapled-1.3", "stapled-1.2", "nginx"}


@pytest.mark.parametrize("engine", ENGINES)
def test_timestamps_in_the_handshake_are_counted(found, engine):
    assert {server: found[engine][server]["tls"]["scts"] for server in ("scts-1.3", "scts-1.2", "nginx")} == {"scts-1.3": 3, "scts-1.2": 3, "nginx": 0}


# --- names ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sni, asked, got, matches", [
    (["--sni", "other.test"], "other.test", "other.test", True),
    (["--sni", "site.test"], "site.test", "site.test", True),
    (["--sni", "third.test"], "third.test", "site.test", False),
    (["--sni", "none"], None, "site.test", True),  # for the address, which the certificate has
    ([], None, "site.test", True),
])
def test_the_name_that_is_asked_for_chooses_the_certificate(scan, servers, engine, sni, asked, got, matches):
    (record,), _ = scan(f"127.0.0.1:{servers['nginx-names']}", "--probe", "tls", "--tls-engine", engine, *sni)
    tls = record["tls"]
    assert (tls.get("sni"), tls["certificate"]["subject_cn"], tls["certificate"]["host_matches"]) == (asked, got, matches)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_host_name_is_asked_for_and_matched(scan, dns, servers, engine):
    dns.names["other.test"] = ["127.0.0.1"]
    (record,), _ = scan(f"other.test:{servers['nginx-names']}", "--probe", "tls", "--tls-engine", engine, "--resolvers", dns.resolver)
    assert (record["tls"]["sni"], record["tls"]["certificate"]["subject_cn"], record["host"]) == ("other.test",) * 3


# --- client certificates ------------------------------------------------------------------------------------------------------------


def test_a_demand_for_a_client_certificate_does_not_spoil_a_lean_probe(found):
    for server in ("demands-1.3", "demands-1.2"):
        assert found["lean"][server]["outcome"] == "success" and found["lean"][server]["tls"]["client_cert_requested"]
    assert found["lean"]["nginx"]["tls"]["client_cert_requested"] is False


def test_the_full_engine_keeps_the_certificate_of_a_server_that_refused_it(found):
    record = found["full"]["demands-1.2"]
    assert (record["outcome"], record["phase"], record["tls"]["alert"]) == ("tls_error", "tls", "handshake_failure")
    assert record["tls"]["client_cert_requested"] and record["tls"]["verified"]
    assert record["tls"]["certificate"]["subject_cn"] == "site.test"
    # TLS 1.3 refuses behind the handshake, which was whole.
    assert found["full"]["demands-1.3"]["outcome"] == "success" and found["full"]["demands-1.3"]["tls"]["client_cert_requested"]


@pytest.mark.parametrize("server", ["demands-1.3", "demands-1.2"])
def test_a_client_certificate_that_the_server_trusts_opens_it(scan, servers, client, tmp_path, server):
    both = tmp_path / "client.pem"
    both.write_text(client.file.read_text() + client.key.read_text())
    for options in (["--client-cert", client.file, "--client-key", client.key], ["--client-cert", both]):
        (record,), _ = scan(f"127.0.0.1:{servers[server]}", "--probe", "tls", *options)
        assert (record["outcome"], record["tls"]["engine"], record["tls"]["client_cert_requested"]) == ("success", "full", True)


def test_a_client_certificate_of_a_stranger_is_refused_by_name(scan, servers):
    stranger = certificates.issue("a stranger")
    (record,), _ = scan(f"127.0.0.1:{servers['demands-1.2']}", "--probe", "tls", "--client-cert", stranger.file, "--client-key", stranger.key, "--all")
    assert (record["outcome"], record["tls"]["alert"]) == ("tls_error", "unknown_ca")


# --- versions that are not spoken -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server, bounds", [
    ("s_server-1.2", ["--min-tls", "1.3"]), ("s_server-1.0", ["--min-tls", "1.2"]), ("scts-1.3", ["--max-tls", "1.2"]),
    ("nginx-1.2", ["--max-tls", "1.1"]), ("caddy", ["--max-tls", "1.1"]), ("haproxy", ["--max-tls", "1.1"]),
])
def test_versions_that_the_server_does_not_speak_are_refused_by_name(scan, servers, engine, server, bounds):
    (record,), _ = scan(f"127.0.0.1:{servers[server]}", "--probe", "tls", "--tls-engine", engine, *bounds, "--all")
    assert (record["outcome"], record["phase"]) == ("tls_error", "tls")
    assert record["tls"]["alert"] == "protocol_version" and "protocol_version" in record["error"]
    assert "certificate" not in record["tls"] and "cipher" not in record["tls"]
    assert record["tls"]["version"].startswith("TLS1."), "an alert tells a version too"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bounds, version", [(["--max-tls", "1.2"], "TLS1.2"), (["--min-tls", "1.3"], "TLS1.3")])
def test_versions_within_bounds_are_taken(scan, servers, engine, bounds, version):
    (record,), _ = scan(f"127.0.0.1:{servers['nginx']}", "--probe", "tls", "--tls-engine", engine, *bounds)
    assert record["tls"]["version"] == version


@pytest.mark.parametrize("engine", ENGINES)
def test_an_alpn_that_the_server_does_not_have_is_refused_by_name(scan, servers, engine):
    (record,), _ = scan(f"127.0.0.1:{servers['nginx']}", "--probe", "tls", "--tls-engine", engine, "--alpn", "gopher", "--all")
    assert (record["outcome"], record["tls"]["alert"]) == ("tls_error", "no_application_protocol")
    (record,), _ = scan(f"127.0.0.1:{servers['nginx']}", "--probe", "tls", "--tls-engine", engine, "--alpn", "none")
    assert "alpn" not in record["tls"]


# --- peers without TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server", ["nginx", "sshd"])
def test_a_server_without_tls_is_a_protocol_error(scan, request, engine, server):
    port = request.getfixturevalue(server)
    (record,), _ = scan(f"127.0.0.1:{port}", "--probe", "tls", "--tls-engine", engine, "--jarm", "--all")
    assert (record["outcome"], record["phase"]) == ("protocol_error", "tls")
    assert record["error"]
    assert not {"version", "cipher", "jarm", "certificate"} & record["tls"].keys()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_that_waits_for_more_costs_the_tls_timeout(scan, redis, engine):
    (record,), _ = scan(f"127.0.0.1:{redis}", "--probe", "tls", "--tls-engine", engine, "--jarm", "--tls-timeout", "200ms", "--all")
    assert (record["outcome"], record["phase"]) == ("timeout", "tls")
    assert "jarm" not in record["tls"]


# --- the certificates in the record ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_pem_is_what_the_server_sent(scan, servers, engine, tmp_path):
    (record,), _ = scan(f"127.0.0.1:{servers['caddy']}", "--probe", "tls", "--tls-engine", engine, "--sni", "site.test", "--pem")
    leaf = certificates.leaf()
    sent = [leaf.der, leaf.issuers[0].der]
    assert [certificates.openssl("x509", "-outform", "DER", input=text.encode()) for text in record["tls"]["pem"]] == sent
    assert record["tls"]["pem"][0] == certificates.openssl("x509", "-in", leaf.file).decode()
