"""psql and psycopg ask a store that `trailpare serve` answers from.

Usage: serve.py TRAILPARE STORE
Needs psql, openssl and the packages of requirements.txt beside this file. What is expected stands beside each question,
or is what `trailpare sql` answers.
"""

import concurrent.futures
import contextlib
import datetime
import decimal
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import psycopg

PROGRAM, STORE = sys.argv[1:3]

# A join that would run for hours.
ENDLESS = (
    "SELECT count(*) FROM (SELECT unnest(generate_series(1, 400000)) AS value) a "
    "JOIN (SELECT unnest(generate_series(1, 400000)) AS value) b "
    "ON a.value < b.value + 1 AND a.value > b.value - 100000000"
)

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "TRAILPARE_"))}
ENVIRONMENT |= {"PSQLRC": "/nonexistent", "PGCONNECT_TIMEOUT": "20", "LC_ALL": "C.UTF-8", "TRAILPARE_CONFIG": ""}

failures = 0


def check(name, given, expected):
    global failures
    if given != expected:
        failures += 1
        print(f"FAILED {name}\n  expected {expected!r}\n  given    {given!r}")


def holds(name, condition, given):
    check(f"{name}: {given!r}", bool(condition), True)


@contextlib.contextmanager
def server(*options, listen="127.0.0.1:0"):
    """The program, listening; gives its port and its process."""
    command = [PROGRAM, "serve", "--store", STORE, "--listen", listen, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        for line in process.stderr:
            if found := re.match(r"listening on .*:(\d+)$", line):
                break
        else:
            sys.exit(f"{command} ended before it listened")
        yield int(found[1]), process
    finally:
        if process.poll() is None:
            process.terminate()
        process.stderr.read()
        check(f"{options} ends by SIGTERM", process.wait(timeout=10), 0)


def sql(question):
    """What the command line answers."""
    command = [PROGRAM, "sql", "--store", STORE, "--format", "json", question]
    return json.loads(subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT).stdout)


def psql(port, *commands, options=(), user="ann", script=None, **environment):
    """Standard output, standard error and the exit code of psql, with these commands or a script."""
    arguments = [
        "psql",
        "-X",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-U",
        user,
        "-d",
        "store",
        "-v",
        "VERBOSITY=verbose",
        *options,
    ]
    for command in commands:
        arguments += ["-c", command]
    everything = ENVIRONMENT | environment
    out = subprocess.run(arguments, capture_output=True, text=True, timeout=120, env=everything, input=script)
    return out.stdout, out.stderr, out.returncode


def plain(port, *commands, **more):
    """The lines of psql, cells between bars; an error ends the test of it."""
    out, error, code = psql(port, *commands, options=("-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"), **more)
    check(f"{commands}: {error}", code, 0)
    return out.splitlines()


def describing(port):
    """What psql's commands for people show."""
    out, error, code = psql(port, r"\d")
    holds(r"\d", code == 0 and not error, error)
    for name, kind in [("events", "table"), ("usage", "view"), ("event_actions", "view"), ("cloudtrail_logs", "view")]:
        holds(rf"\d has {name}", re.search(rf"^ main +\| {name} +\| {kind} ", out, re.M), out)
    holds(r"\d has nothing of pg_catalog", "pg_class" not in out, out)

    out, error, code = psql(port, r"\d events")
    holds(r"\d events", code == 0 and not error, error)
    for name, kind in [
        ("event_id", "text"),
        ("event_time", "timestamp with time zone"),
        ("event_date", "date"),
        ("read_only", "boolean"),
        ("request_parameters", "text"),
    ]:
        holds(rf"\d events has {name}", re.search(rf"^ {name} +\| {kind} ", out, re.M), out)
    asked = [row["column_name"] for row in sql("DESCRIBE events")]
    check(r"\d events has every column", re.findall(r"^ (\w+) +\| (?!Type)", out, re.M), asked)

    for command, expected in [
        (r"\dt", r"^ main +\| events +\| table "),
        (r"\dv", r"^ main +\| usage +\| view "),
        (r"\dn", r"^ main +\|"),
        (r"\l", r"^ store +\|"),
        (r"\d usage", r"^ principal_arn +\| text "),
        (r"\dt events", r"^ main +\| events "),
        (r"\d+ events", r"^ event_time +\| timestamp with time zone "),
        (r"\dn+", r"^ main +\|"),
        (r"\dp", r"^ main +\| events +\| table "),
        (r"\conninfo", 'database "store" as user "ann"'),
        (r"\encoding", "UTF8"),
    ]:
        out, error, code = psql(port, command)
        holds(command, code == 0 and not error and re.search(expected, out, re.M), (out, error))
    for command in [r"\df", r"\di", r"\dx", r"\du", r"\db", r"\dD", r"\do", r"\dL", r"\drds", r"\ddp", r"\dT"]:
        out, error, code = psql(port, command)
        holds(command, code == 0 and "ERROR" not in error, error)

    out, error, _ = psql(
        port, r"\x", r"\timing", "SELECT event_name, event_source FROM events ORDER BY event_id LIMIT 1"
    )
    row = sql("SELECT event_name, event_source FROM events ORDER BY event_id LIMIT 1")[0]
    holds(r"\x", "-[ RECORD 1 ]" in out and f"event_name   | {row['event_name']}" in out and not error, (out, error))
    holds(r"\timing", re.search(r"^Time: [\d.]+ ms", out, re.M), out)
    out, error, code = psql(port, script="SELECT event_time, count(*) FROM events GROUP BY 1 \\gdesc\n")
    holds(r"\gdesc", "timestamp with time zone" in out and "bigint" in out, (out, error))


def asking(port):
    """Queries by psql, against what the command line answers."""

    def text(value):
        return "" if value is None else "t" if value is True else "f" if value is False else str(value)

    for name, question in [
        ("a count", "SELECT count(*) AS n FROM events"),
        ("a grouping", "SELECT event_source, count(*) AS n FROM events GROUP BY 1 ORDER BY 2 DESC, 1"),
        ("a named query", "SELECT action, sum(calls) AS n FROM denied_calls() GROUP BY 1 ORDER BY 1"),
        (
            "a named query with a value",
            "SELECT action, resource FROM denied_calls(principal => '%Administrator%') ORDER BY 1, 2 LIMIT 5",
        ),
        (
            "a join",
            "SELECT e.event_name, a.action, count(*) AS n FROM events e "
            "JOIN event_actions a ON a.event_id = e.event_id "
            "GROUP BY 1, 2 ORDER BY 1, 2",
        ),
        ("Athena's words", "SELECT eventname, useridentity.type FROM cloudtrail_logs ORDER BY eventid LIMIT 10"),
        (
            "JSON",
            "SELECT request_parameters ->> 'bucketName' AS bucket, count(*) AS n FROM events GROUP BY 1 ORDER BY 2, 1",
        ),
        ("truth values", "SELECT event_id, read_only, read_only IS NULL AS none FROM events ORDER BY 1 LIMIT 20"),
    ]:
        expected = ["|".join(text(value) for value in row.values()) for row in sql(question)]
        holds(f"{name} has rows", expected, question)
        check(name, plain(port, question), expected)

    # A statement a line, variables, and what psql reads in parts.
    check("several statements", plain(port, "SELECT 1; SELECT 'a;b'; BEGIN; SELECT 2; COMMIT"), ["1", "a;b", "2"])
    out, _, _ = psql(port, options=("-A", "-t", "-q"), script="\\set x 5\nSELECT :x + 1;\n")
    check("variables", out.splitlines(), ["6"])
    out, error, _ = psql(
        port, options=("-A", "-t", "-v", "FETCH_COUNT=7", "-c", "SELECT event_id FROM events ORDER BY 1")
    )
    check("FETCH_COUNT", out.splitlines(), [row["event_id"] for row in sql("SELECT event_id FROM events ORDER BY 1")])
    if version() >= 16:
        out, error, _ = psql(port, options=("-A", "-t", "-q"), script="SELECT $1::int + 1 \\bind 41 \\g\n")
        check(f"a prepared statement {error}", out.splitlines(), ["42"])


def version():
    return int(re.search(r"(\d+)", subprocess.run(["psql", "--version"], capture_output=True, text=True).stdout)[1])


def refusing(port):
    """Errors, and what is not done."""
    _, error, code = psql(port, "SELECT event_nmae FROM events")
    holds("an unknown column", code == 1 and "ERROR:  42703: No field named event_nmae" in error, error)
    holds("its place", "LINE 1: SELECT event_nmae FROM events\n               ^" in error, error)
    holds("a hint", "HINT:  did you mean event_name" in error, error)
    with tempfile.TemporaryDirectory() as folder:
        secret = pathlib.Path(folder, "secret.csv")
        secret.write_text("hidden\n")
        for state, statement in [
            ("42501", f"COPY events TO '{folder}/out.csv'"),
            ("42501", "COPY events FROM STDIN"),
            ("42501", "COPY (SELECT 1) TO STDOUT"),
            ("25006", f"CREATE EXTERNAL TABLE t (a TEXT) STORED AS CSV LOCATION '{secret}'"),
            ("42501", f"SELECT * FROM cloudtrail_archive('{folder}')"),
            ("42P01", f"SELECT * FROM '{secret}'"),
            ("42883", f"SELECT pg_read_file('{secret}')"),
            ("25006", "CREATE TABLE t AS SELECT 1"),
            ("25006", "INSERT INTO events SELECT * FROM events"),
            ("25006", "DROP TABLE events"),
            ("42601", "SELECT event_id FROM events WHERE"),
            ("42601", "SELEC 1"),
            ("42P01", "SELECT * FROM nothing_there"),
        ]:
            out, error, code = psql(port, statement)
            holds(
                statement,
                code == 1 and f"ERROR:  {state}: " in error and "hidden" not in out + error,
                (state, out, error),
            )
        check("no file is written", os.listdir(folder), ["secret.csv"])


def ending(port, process):
    """What runs too long, or answers too much."""
    arguments = ["psql", "-X", "-h", "127.0.0.1", "-p", str(port), "-U", "ann", "-d", "store", "-c", ENDLESS]
    query = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    time.sleep(2)
    begun = time.monotonic()
    query.send_signal(signal.SIGINT)
    _, error = query.communicate(timeout=30)
    holds(
        "Ctrl-C in psql",
        time.monotonic() - begun < 3 and "the query was cancelled" in error,
        (time.monotonic() - begun, error),
    )
    begun = time.monotonic()
    _, error, _ = psql(port, "SET statement_timeout = '1s'", ENDLESS)
    holds("statement_timeout", time.monotonic() - begun < 4 and "57014" in error, (time.monotonic() - begun, error))
    time.sleep(1)
    used = [processor_seconds(process), time.sleep(2), processor_seconds(process)]
    holds("what was cancelled does not go on", used[2] - used[0] < 0.5, used)

    with server("--timeout", "2s", "--max-rows", "100") as (limited, _):
        begun = time.monotonic()
        _, error, _ = psql(limited, ENDLESS)
        holds("--timeout", time.monotonic() - begun < 5 and "57014" in error and "HINT:" in error, error)
        _, error, _ = psql(limited, "SELECT * FROM events")
        holds("--max-rows", "54000" in error and "more than 100 rows" in error, error)
        check("as many as there may be", len(plain(limited, "SELECT event_id FROM events LIMIT 100")), 100)


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drivers(port):
    """psycopg: types, values, prepared statements, cursors, several at once."""
    where = f"host=127.0.0.1 port={port} user=ann dbname=store"
    with psycopg.connect(where) as connection:
        check("the server's version", connection.info.server_version, 160006)
        event = sql("SELECT event_id, event_time, event_date, read_only FROM events ORDER BY event_id LIMIT 1")[0]
        for binary in [False, True]:
            cursor = connection.cursor(binary=binary)
            row = cursor.execute(
                "SELECT event_id, event_time, event_date, read_only, NULL, 1.5::double, 7::bigint, 3::int, "
                "12.50::decimal(5, 2), "
                "['a', NULL, 'b \"c\"'], [1, 2], named_struct('a', 1, 'b', 'x'), interval '1 day', 'é' "
                "FROM events ORDER BY event_id LIMIT 1"
            ).fetchone()
            zulu = datetime.datetime.fromisoformat(event["event_time"])
            check(
                f"types, binary: {binary}",
                row,
                (
                    event["event_id"],
                    zulu,
                    datetime.date.fromisoformat(event["event_date"]),
                    event["read_only"],
                    None,
                    1.5,
                    7,
                    3,
                    decimal.Decimal("12.50"),
                    ["a", None, 'b "c"'],
                    [1, 2],
                    {"a": 1, "b": "x"},
                    datetime.timedelta(days=1),
                    "é",
                ),
            )
        # Values of parameters, also of a statement that is prepared.
        for prepare in [False, True]:
            for _ in range(3):
                found = connection.execute(
                    "SELECT count(*) FROM events WHERE event_source = %s AND event_time >= %s AND event_date >= %s "
                    "AND event_version <> %s",
                    (
                        "ec2.amazonaws.com",
                        datetime.datetime(2024, 3, 2, tzinfo=datetime.UTC),
                        datetime.date(2024, 3, 1),
                        "x",
                    ),
                    prepare=prepare,
                ).fetchone()[0]
            question = (
                "SELECT count(*) AS n FROM events WHERE event_source = 'ec2.amazonaws.com' "
                "AND event_time >= '2024-03-02T00:00:00Z'"
            )
            check(f"values, prepared: {prepare}", found, sql(question)[0]["n"])
        check("a number of rows", len(connection.execute("SELECT event_id FROM events LIMIT %s", (3,)).fetchall()), 3)
        check("nothing", connection.execute("SELECT %s::text IS NULL", (None,)).fetchone(), (True,))
        names = ["AssumeRole", "DescribeInstances"]
        found = connection.execute("SELECT count(*) FROM events WHERE event_name = ANY(%s)", (names,)).fetchone()[0]
        check(
            "a list of values",
            found,
            sql(f"SELECT count(*) AS n FROM events WHERE event_name IN {tuple(names)}")[0]["n"],
        )
        hostile = "x'; DROP TABLE events; --\u202e\x1b"
        check("text is text", connection.execute("SELECT %s::text", (hostile,)).fetchone(), (hostile,))
        try:
            connection.execute("SELECT * FROM evnets")
            check("an error", "none", "one")
        except psycopg.errors.UndefinedTable as error:
            check("its place", error.diag.statement_position, "15")
        connection.rollback()
        with connection.cursor(name="all") as cursor:
            cursor.itersize = 50
            rows = cursor.execute("SELECT event_id FROM events ORDER BY 1").fetchall()
            check(
                "a cursor",
                [row[0] for row in rows],
                [row["event_id"] for row in sql("SELECT event_id FROM events ORDER BY 1")],
            )
        connection.commit()
        with connection.pipeline():
            counts = [
                connection.execute("SELECT count(*) FROM events WHERE event_name = %s", (name,)) for name in names
            ]
        check(
            "a pipeline",
            [cursor.fetchone()[0] for cursor in counts],
            [sql(f"SELECT count(*) AS n FROM events WHERE event_name = '{name}'")[0]["n"] for name in names],
        )
        try:
            with connection.cursor().copy("COPY events TO STDOUT") as copy:
                copy.read()
            check("COPY", "done", "refused")
        except psycopg.errors.InsufficientPrivilege:
            connection.rollback()

    def count(number):
        with psycopg.connect(where, autocommit=True) as connection:
            return [connection.execute("SELECT count(*), %s::int FROM events", (number,)).fetchone() for _ in range(5)]

    total = sql("SELECT count(*) AS n FROM events")[0]["n"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        check("several at once", list(pool.map(count, range(8))), [[(total, number)] * 5 for number in range(8)])


def tools(port):
    """What Grafana, Metabase, DBeaver and JDBC ask first."""
    with psycopg.connect(f"host=127.0.0.1 port={port} user=ann dbname=store", autocommit=True) as connection:
        for statement in pathlib.Path(__file__).with_name("tools.sql").read_text().split(";\n"):
            lines = [line for line in statement.splitlines() if not line.startswith("--")]
            if text := "\n".join(lines).strip():
                try:
                    connection.execute(text)
                except psycopg.Error as error:
                    check(f"{text}: {error}", "failed", "done")
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        ).fetchall()
        holds("information_schema", ("events",) in tables and ("usage",) in tables, tables)
        check("current_schema", connection.execute("SELECT current_schema(), current_user").fetchone(), ("main", "ann"))


def certificates(folder):
    """An authority, a server's certificate and a client's, made here."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=authority",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    )
    for name, subject in [("server", "localhost"), ("client", "ann")]:
        pathlib.Path(folder, f"{name}.ext").write_text(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
        )
        openssl(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={subject}",
        )
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-out",
            f"{name}.pem",
            "-extfile",
            f"{name}.ext",
        )
        os.chmod(pathlib.Path(folder, f"{name}.key"), 0o600)


def guarding():
    """Passwords, TLS and certificates."""
    with tempfile.TemporaryDirectory() as folder:
        certificates(folder)
        users = pathlib.Path(folder, "users")
        users.write_text("ann:s3cret\nben:pä ss\n")
        users.chmod(0o600)
        tls = ("--tls-cert", f"{folder}/server.pem", "--tls-key", f"{folder}/server.key")
        verified = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{folder}/ca.pem"}
        question = "SELECT 1"

        with server("--users", str(users)) as (port, process):
            check("a password", plain(port, question, PGPASSWORD="s3cret"), ["1"])
            check("another's", plain(port, question, user="ben", PGPASSWORD="pä ss"), ["1"])
            for user, password in [("ann", "wrong"), ("eve", "s3cret")]:
                _, error, code = psql(port, question, user=user, PGPASSWORD=password)
                holds(
                    "a wrong password",
                    code == 2 and f'password authentication failed for user "{user}"' in error,
                    error,
                )
            arguments = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
            holds("no password among the arguments", b"s3cret" not in arguments, arguments)

        with server("--users", str(users), *tls, listen="0.0.0.0:0") as (port, _):
            check("TLS", plain(port, question, PGPASSWORD="s3cret", **verified), ["1"])
            check(
                "bound to the certificate",
                plain(port, question, PGPASSWORD="s3cret", PGCHANNELBINDING="require", **verified),
                ["1"],
            )
            _, error, code = psql(port, question, PGPASSWORD="s3cret", PGSSLMODE="disable")
            holds("without TLS", code == 2 and "by TLS only" in error, error)
            _, error, code = psql(port, question, PGPASSWORD="wrong", **verified)
            holds("a wrong password by TLS", code == 2 and "password authentication failed" in error, error)
            arguments = ["psql", "-X", "-h", "127.0.0.1", "-p", str(port), "-U", "ann", "-d", "store", "-c", ENDLESS]
            query = subprocess.Popen(
                arguments, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT | verified | {"PGPASSWORD": "s3cret"}
            )
            time.sleep(2)
            query.send_signal(signal.SIGINT)
            holds("Ctrl-C by TLS", "the query was cancelled" in query.communicate(timeout=10)[1], "")

        with server(*tls, "--client-ca", f"{folder}/ca.pem", listen="0.0.0.0:0") as (port, _):
            shown = verified | {"PGSSLCERT": f"{folder}/client.pem", "PGSSLKEY": f"{folder}/client.key"}
            check("a client's certificate", plain(port, question, **shown), ["1"])
            _, error, code = psql(port, question, **verified)
            holds("none", code == 2 and "certificate" in error, error)


def main():
    with server() as (port, process):
        describing(port)
        asking(port)
        refusing(port)
        ending(port, process)
        drivers(port)
        tools(port)
    guarding()
    if failures:
        sys.exit(f"{failures} failed")
    print("a PostgreSQL client reads the store")


main()
