// The API off the machine: TLS, tokens, and what the command line says about both.
#include "tests/support/catch.hpp"
#include "tests/system/remote_site.hpp"

#include <csignal>
#include <filesystem>

using namespace duende::test;

TEST_CASE("off loopback a node without certificate or token does not start, and check says where") {
  scratch dir;
  auto file = dir.path("duende.toml");
  write_file(file, "[node]\nmetrics = \"off\"\napi = \"0.0.0.0:9465\"\n");
  auto checked = run({program("duende"), "check", "-f", file});
  CHECK(checked.status == 2);
  CHECK(holds(checked.err, file + ":3:7: 'node.api': '0.0.0.0:9465' is not on loopback"));
  auto started = run({program("duende"), "--socket", dir.path("run/api.sock"), "up", "-f", file});
  CHECK(started.status == 2);
  CHECK(holds(started.err, file + ":3:7: 'node.api'"));
  CHECK_FALSE(std::filesystem::exists(dir.path("run/api.sock")));
}

TEST_CASE("the command line works over TLS with a token") {
  site here;
  node n{stack_of_one, here.how()};
  n.until_state("web", "running");
  auto listed = here.cli({"ps", "--json"});
  INFO(listed.err);
  REQUIRE(listed.status == 0);
  CHECK(json::parse(listed.out)[0]["name"] == "web");
  CHECK(here.cli({"restart", "web"}).status == 0);
  CHECK(holds(here.cli({"events"}).out, "web"));
  CHECK(here.cli({"status", "web"}).status == 0);
  auto by_environment = run(
    {program("duende"), "ps"},
    {{"DUENDE_SOCKET", here.url()}, {"DUENDE_TOKEN", here.full.token}, {"DUENDE_CA", here.dir.path("CA.pem")}});
  CHECK(by_environment.status == 0);

  CHECK(here.cli({"ps"}, "read").status == 0);
  auto may_not = here.cli({"stop", "web"}, "read");
  CHECK(may_not.status == 1);
  CHECK(holds(may_not.err, "the token 'prometheus' may only read"));
  CHECK(n.state("web") == "running");
  auto without = here.cli({"ps"}, "");
  CHECK(without.status == 4);
  CHECK(holds(without.err, "the node wants a token: give it by --token-file FILE or $DUENDE_TOKEN"));
  auto wrong = here.cli({"ps"}, "wrong");
  CHECK(wrong.status == 4);
  CHECK(holds(wrong.err, "does not know this token"));
  for (const auto& text : {without.err, wrong.err})
    CHECK_FALSE(holds(text, "duende_"));
  CHECK(here.cli({"up"}).status == 2);

  // What is shown and stored holds no token.
  CHECK(n.post("/v1/daemons/web/restart").status == 200);
  auto state = run(
    {"grep", "-rlE", here.full.token.substr(7) + "|" + here.read.token.substr(7), n.path("state"), n.path("node.log")});
  CHECK(state.out.empty());
  for (const auto& page :
       {n.get("/v1/events").body, n.get("/v1/daemons").body, n.get("/v1/node").body, n.get("/metrics").body})
    CHECK_FALSE(
      (holds(page, here.full.token) || holds(page, here.full.token.substr(7))
       || holds(page, here.read.token.substr(7))));
  CHECK(n.get("/v1/node").status == 200); // the unix socket goes by the file's mode
}

TEST_CASE("certificates that are expired, for another name or signed by nobody get a sentence with what to do") {
  site here;
  node n{stack_of_one, here.how()};
  auto token = here.dir.path("full");
  auto unknown = run({program("duende"), "--url", here.url(), "--token-file", token, "ps"});
  CHECK(unknown.status == 4);
  CHECK(
    holds(unknown.err, "signed by nobody that is trusted here: give the certificate of who signed it by --ca FILE"));
  auto named = run(
    {program("duende"), "--url", here.url("127.0.0.2"), "--ca", here.dir.path("CA.pem"), "--token-file", token, "ps"});
  CHECK(named.status == 4);
  CHECK(holds(named.err, "is for another name"));
  auto plain = run({program("duende"), "--url", "http://example.org:80", "--token-file", token, "ps"});
  CHECK(plain.status == 4);
  CHECK(holds(plain.err, "is not encrypted"));
  auto nobody = run({program("duende"), "--url", "https://localhost:" + std::to_string(free_port()), "ps"});
  CHECK(nobody.status == 4);
  CHECK(holds(nobody.err, "no node answers at https://localhost"));
  for (const char* nonsense : {"https://", "ftp://x", "https://a b:1", "https://h:99999"})
    CHECK(run({program("duende"), "--url", nonsense, "ps"}).status == 4);
  auto no_file = run({program("duende"), "--url", here.url(), "--token-file", "/no/such", "ps"});
  CHECK(no_file.status == 2);
  CHECK(holds(no_file.err, "cannot read the token file '/no/such'"));

  make_certificate(here.dir.path(), "old", "DNS:localhost", -1);
  auto port = free_port();
  auto server = fork();
  if (server == 0) {
    auto accept = std::to_string(port), pem = here.dir.path("old.pem"), key = here.dir.path("old.key");
    execlp(
      "openssl", "openssl", "s_server", "-quiet", "-accept", accept.c_str(), "-cert", pem.c_str(), "-key", key.c_str(),
      nullptr);
    _exit(127);
  }
  REQUIRE(eventually(10, [&] { return tls_peer{port, "127.0.0.1", false}.connected(); }));
  auto expired = run(
    {program("duende"), "--url", "https://localhost:" + std::to_string(port), "--ca", here.dir.path("CA.pem"), "ps"});
  kill(server, SIGKILL);
  CHECK(expired.status == 4);
  CHECK(holds(expired.err, "has expired: renew it"));
}

TEST_CASE("a node does not start on a certificate that nobody would accept, and names the file") {
  site here;
  auto dir = here.dir.path();
  make_certificate(dir, "old", "DNS:localhost", -1);
  make_certificate(dir, "other", "DNS:localhost");
  make_certificate(dir, "soon", "DNS:localhost", 3);
  write_file(dir + "/garbage.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
  REQUIRE(
    run({"openssl", "ec", "-in", dir + "/node.key", "-aes128", "-passout", "pass:x", "-out", dir + "/locked.key"})
      .status
    == 0);
  struct row {
    std::string certificate, key, says;
  };
  for (const auto& [certificate, key, says] : std::vector<row>{
         {"old.pem", "old.key", "old.pem' has expired at 2021-01-01T00:00:00.000Z: renew it"},
         {"node.pem", "other.key", "other.key' does not belong to the certificate"},
         {"node.pem", "locked.key", "locked.key' is no private key in PEM without a passphrase"},
         {"node.pem", "none.key", "none.key': No such file or directory"},
         {"garbage.pem", "node.key", "garbage.pem' is no certificate in PEM"},
         {"node.key", "node.key", "node.key' is no certificate in PEM"},
         {"", "node.key", "is no file"}}) {
    INFO(certificate << " " << key);
    auto keys = "[node.tls]\ncertificate = \"" + dir + "/" + certificate + "\"\nkey = \"" + dir + "/" + key + "\"\n";
    auto file = dir + "/duende.toml";
    write_file(
      file, "[node]\nmetrics = \"off\"\nstate_dir = \"" + dir + "/state\"\napi = \"0.0.0.0:" + std::to_string(here.port)
              + "\"\n" + keys + here.full.toml);
    auto checked = run({program("duende"), "check", "-f", file});
    CHECK(checked.status == 2);
    CHECK(holds(checked.err, says));
    auto started = run({program("duende"), "--socket", dir + "/run/api.sock", "up", "-f", file});
    CHECK(started.status != 0);
    CHECK(holds(started.err, says));
  }
  auto file = dir + "/soon.toml";
  write_file(file, "[node.tls]\ncertificate = \"" + dir + "/soon.pem\"\nkey = \"" + dir + "/soon.key\"\n");
  auto checked = run({program("duende"), "check", "-f", file});
  CHECK(checked.status == 0);
  CHECK(holds(checked.err, "soon.pem' expires at"));
}

TEST_CASE("wrong tokens make an address wait, not its neighbours") {
  site here;
  node n{stack_of_one, here.how()};
  CHECK(https(here.port, "GET", "/v1/node").status == 401);
  CHECK(holds(https(here.port, "GET", "/v1/node").head, "WWW-Authenticate: Bearer"));
  int refused = 0, limited = 0;
  response last;
  for (int i = 0; i < 30; ++i) {
    last = https(here.port, "GET", "/v1/node", "duende_" + std::to_string(i));
    (last.status == 401 ? refused : limited) += 1;
  }
  CHECK(refused >= 10);
  CHECK(refused <= 12); // some time passes
  CHECK(last.status == 429);
  CHECK(holds(last.head, "Retry-After: "));
  CHECK(https(here.port, "GET", "/v1/node", here.full.token, {}, "127.0.0.2").status == 200);
  CHECK(https(here.port, "GET", "/healthz").status == 200);
  CHECK(https(here.port, "GET", "/").status == 200); // the page asks for a token itself
  CHECK(https(here.port, "GET", "/metrics", {}, {}, "127.0.0.3").status == 401);
  CHECK(https(here.port, "GET", "/metrics", here.read.token, {}, "127.0.0.3").status == 200);
  CHECK(https(here.port, "GET", "/no/such", {}, {}, "127.0.0.3").status == 401);
  for (const char* method : {"POST", "DELETE", "PATCH", "PUT", "BREW"})
    CHECK(https(here.port, method, "/v1/daemons/web/stop", here.read.token, {}, "127.0.0.3").status == 403);
  CHECK(https(here.port, "POST", "/v1/daemons/web/stop", here.full.token, {}, "127.0.0.3").status == 200);
}

TEST_CASE("where there are tokens they hold on loopback too") {
  auto token = make_token("anna");
  auto port = free_port();
  auto api = "127.0.0.1:" + std::to_string(port);
  node n{stack_of_one, {.node_keys = "api = \"" + api + "\"\n" + token.toml}};
  CHECK(http(api, "GET", "/v1/node").status == 401);
  CHECK(http(api, "POST", "/v1/node/stop").status == 401);
  auto ask = [&](const std::string& credential) {
    return http_raw(api, "GET /v1/node HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credential + "\r\n\r\n")
      .status;
  };
  CHECK(ask("Bearer " + token.token) == 200);
  CHECK(ask("bearer   " + token.token) == 200);
  CHECK(ask("Basic " + token.token) == 401);
  CHECK(ask(token.token) == 401);
  CHECK(ask("Bearer " + token.token + "0") == 401);
  CHECK(ask("Bearer") == 401);
}

TEST_CASE("a node that runs says when its certificate is about to expire") {
  site here;
  make_certificate(here.dir.path(), "node", "DNS:localhost", 14, 6); // 14 days before its end
  node n{stack_of_one, here.how()};
  auto told = [&] { return n.cli({"events", "--kind", "node"}).out; };
  CHECK_FALSE(holds(told(), "expires at"));
  n.until("the history says so", [&] { return holds(told(), "node.pem' expires at"); });
  CHECK(holds(n.log(), "node.pem' expires at"));
  make_certificate(here.dir.path(), "node", "DNS:localhost", 100);
  auto before = told();
  kill(n.pid_of("duended"), SIGHUP); // renewed: nothing more to say
  n.until("the new one is served", [&] {
    return holds(
      run({"sh", "-c",
           "openssl s_client -connect 127.0.0.1:" + std::to_string(here.port)
             + " </dev/null 2>/dev/null | openssl x509 -noout -checkend 1728000"})
        .out,
      "will not expire");
  });
  CHECK(told() == before);
}

TEST_CASE("SIGHUP takes a new certificate and new tokens without a restart") {
  site here;
  node n{stack_of_one, here.how()};
  auto before = n.pid_of("duended");
  auto worker = n.pid_of_daemon("web");
  auto next = make_token("berta");
  make_certificate(here.dir.path(), "node", "DNS:renewed.example", 100);
  auto keys = here.keys.substr(0, here.keys.find("[[node.token]]")) + next.toml;
  auto file = n.path("duende.toml");
  auto text = read_file(file);
  text.replace(text.find(here.keys), here.keys.size(), keys);
  write_file(file, text);
  kill(before, SIGHUP);
  n.until("the new token works", [&] { return https(here.port, "GET", "/v1/node", next.token).status == 200; });
  CHECK(https(here.port, "GET", "/v1/node", here.full.token, {}, "127.0.0.2").status == 401);
  auto shown = run(
    {"sh", "-c",
     "openssl s_client -connect 127.0.0.1:" + std::to_string(here.port)
       + " </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName"});
  CHECK(holds(shown.out, "renewed.example"));
  // A bad one changes nothing.
  write_file(here.dir.path("node.key"), "nonsense");
  kill(before, SIGHUP);
  n.until("the node says so", [&] { return holds(n.log(), "certificate and tokens stay as they are"); });
  CHECK(https(here.port, "GET", "/v1/node", next.token).status == 200);
  // And a node that crashes then goes on without TCP rather than not at all.
  kill(before, SIGKILL);
  n.until("a new node answers", [&] {
    auto now = n.pid_of("duended");
    return now != 0 && now != before && n.get("/v1/node").status == 200;
  });
  CHECK(n.pid_of_daemon("web") == worker);
  CHECK(holds(n.log(), "the API is on its unix socket only"));
}

TEST_CASE("a client certificate is asked for where client_ca is set") {
  site here;
  make_certificate(here.dir.path(), "anna", "DNS:anna");
  auto keys = here.keys;
  keys.insert(keys.find("[[node.token]]"), "client_ca = \"" + here.dir.path("CA.pem") + "\"\n");
  node n{stack_of_one, {.node_keys = keys}};
  auto without = here.cli({"ps"});
  CHECK(without.status == 4);
  write_file(here.dir.path("both.pem"), read_file(here.dir.path("anna.pem")) + read_file(here.dir.path("anna.key")));
  auto with = here.cli({"ps", "--cert", here.dir.path("both.pem")});
  INFO(with.err);
  CHECK(with.status == 0);
}
