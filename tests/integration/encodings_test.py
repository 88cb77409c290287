"""Databases whose encoding is not UTF8 read names in their own way; whoever is judged by names may not use that."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

FRENCH, TURKISH = ("fr_FR", "ISO-8859-1", "LATIN1"), ("tr_TR", "ISO-8859-9", "LATIN5")
# 63 bytes in UTF-8, 32 in LATIN1: what the parser leaves of LONG, which the server does not cut.
SHORT = "é" * 31 + "x"
LONG = SHORT + "hidden"
CUTTING = ("eight", "bytes")  # databases in which it has more than 63 bytes
SCHEMA = f"""SET client_encoding = utf8;
CREATE TABLE "clienté" (id int, "né" text, email text); INSERT INTO "clienté" VALUES (1, 'canary', 'canary');
CREATE TABLE "{LONG}" (id int, s text); INSERT INTO "{LONG}" VALUES (1, 'canary');
CREATE TABLE norm (id int, "{LONG}" text, t text); INSERT INTO norm VALUES (1, 'canary', 'x');
CREATE VIEW seen AS SELECT "{LONG}".s FROM "{LONG}";
CREATE TABLE open (id int, "été" text); INSERT INTO open VALUES (1, 'shown');
CREATE VIEW fine AS SELECT "ö".id FROM (SELECT o.id FROM open AS o) AS "ö";
CREATE FUNCTION folded() RETURNS text LANGUAGE sql AS 'SELECT email FROM clienté';
CREATE FUNCTION plain() RETURNS int LANGUAGE sql AS 'SELECT id FROM open';
"""
# U+00A6 and U+FFE4 are one letter of EUC_JP, which is U+FFE4 for those that read it.
JAPANESE = "SET client_encoding = utf8; CREATE TABLE \"t\u00a6x\" (id int, email text); INSERT INTO \"t\u00a6x\" VALUES (1, 'canary')"


def make_locale(directory, name, charmap):
    """Compiles a locale that the system has in source; False: it has not."""
    try:
        made = subprocess.run(["localedef", "--no-archive", "-i", name, "-f", charmap, str(directory / f"{name}.{charmap}")],
                              capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return made.returncode == 0


class Encodings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        locales = pathlib.Path(scratch.name)
        locales.chmod(0o755)
        cls.foreign = [one for one in (FRENCH, TURKISH) if make_locale(locales, *one[:2])]
        # For the server alone: the C library of the others leaks a few bytes over it, which their sanitizers see.
        with unittest.mock.patch.dict(os.environ, LOCPATH=scratch.name):
            cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.databases = {"latin": ("LATIN1", "C"), "eight": ("UTF8", "C.UTF-8"), "bytes": ("SQL_ASCII", "C")}
        cls.databases.update({name.lower(): (encoding, f"{name}.{charmap}") for name, charmap, encoding in cls.foreign})
        for name, (encoding, locale) in {**cls.databases, "euc": ("EUC_JP", "C")}.items():
            cls.lab.postgres.psql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE '{locale}'")
            cls.lab.postgres.psql(SCHEMA if name != "euc" else JAPANESE, database=name)
        cls.gateway = cls.lab.gateway(cls.config())

    @classmethod
    def config(cls):
        users = ("root", "denied", "masked", "filtered", "granted")
        rights = 'allow: [ { select: ["public.*"], functions: [safe, "public.*"] } ]'
        policies = [("root", "euc", "allow: [ { everything: true } ]"),
                    ("denied", "euc", f"{rights}, deny: [ {{ select: ['public.t\uffe4x'] }} ]"),
                    ("masked", "euc", f"{rights}, mask: {{ 'public.t\uffe4x.email': redact }}")]
        for database in cls.databases:
            name = SHORT if database in CUTTING else LONG
            named = f"['public.clienté', 'public.{name}', 'public.norm({name})']"
            masks = f"'public.clienté.email': redact, 'public.clienté.né': redact, 'public.{name}.s': redact, 'public.norm.{name}': redact"
            filters = f"'public.clienté': \"id = 99\", 'public.{name}': \"id = 99\", 'public.norm': \"id = 99\""
            policies += [("root", database, "allow: [ { everything: true } ]"),
                         ("denied", database, f"{rights}, deny: [ {{ select: {named} }} ]"),
                         ("masked", database, f"{rights}, mask: {{ {masks} }}"),
                         ("filtered", database, f"{rights}, filter: {{ {filters} }}"),
                         ("granted", database, f"allow: [ {{ select: ['public.clientÉ', 'public.{SHORT}', 'public.open(id, étÉ)'] }} ]")]
        return ("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users(*users) + "targets:\n" +
                "".join(cls.lab.target(name) for name in [*cls.databases, "euc"]) + "policies:\n" +
                "".join(f"  - {{ name: p{number}, who: {{ users: [{user}] }}, on: [{on}], {what} }}\n"
                        for number, (user, on, what) in enumerate(policies)))

    def answer(self, user, database, text):
        with wire.Connection(self.gateway.port) as connection:
            connection.login(user, database, lab.PASSWORD)
            connection.send(wire.query(text))
            return b"".join(body for _, body in connection.receive_until("Z"))

    def assert_shown(self, what, user, database, text):
        self.assertIn(what, self.answer(user, database, text), (user, database, text))

    def test_no_spelling_shows_what_rules_are_about(self):
        texts = ("SELECT email FROM clienté", "SELECT email FROM clientÉ", 'SELECT nÉ FROM "clienté"', 'SELECT email FROM "clienté"',
                 r'SELECT email FROM U&"client\00E9"', r'SELECT email FROM U&"client!00E9" UESCAPE ' + "'!'", "SELECT folded()",
                 f'SELECT s FROM "{LONG}"', f"SELECT s FROM {LONG}", f'SELECT "{LONG}" FROM norm', "SELECT * FROM norm", "SELECT s FROM seen",
                 'WITH "clientÉ" AS (SELECT 1) SELECT email FROM clientÉ', "CREATE TEMP TABLE a (id int); SELECT email FROM clientÉ")
        for database in self.databases:
            for user in ("denied", "masked", "filtered"):
                for text in texts:
                    with self.subTest(text, user=user, database=database):
                        self.assertNotIn(b"canary", self.answer(user, database, text))

    def test_rights_are_to_what_they_name(self):
        for database in self.databases:
            for text in ("SELECT email FROM clientÉ", "SELECT étÉ FROM open", f'SELECT s FROM "{LONG}"', f"SELECT s FROM {LONG}"):
                if LONG in text and database in CUTTING:
                    continue
                with self.subTest(text, database=database):
                    answer = self.answer("granted", database, text)
                    self.assertNotIn(b"canary", answer)
                    self.assertNotIn(b"shown", answer)

    def test_two_letters_that_are_one_on_the_server(self):
        for user in ("denied", "masked"):
            for letter in "\u00a6\uffe4":
                with self.subTest(letter, user=user):
                    self.assertNotIn(b"canary", self.answer(user, "euc", f'SELECT email FROM "t{letter}x"'))
        self.assert_shown(b"canary", "root", "euc", 'SELECT email FROM "t\u00a6x"')

    def test_what_is_quoted_and_in_the_catalog_may_be_named(self):
        for database in self.databases:
            for user in ("denied", "masked", "filtered"):
                with self.subTest(user=user, database=database):
                    self.assert_shown(b"shown", user, database, 'SELECT "été" FROM open')
                    self.assert_shown("naïve É".encode(), user, database, "SELECT 'naïve É' /* É */ FROM open")
                    for text in ("SELECT id FROM fine", "SELECT plain()"):
                        self.assert_shown(b"SELECT 1", user, database, text)

    def test_a_refusal_says_what_to_do(self):
        for text in ("SELECT été FROM open", 'SELECT id AS "numéro" FROM open', r'SELECT U&"\00E9t\00E9" FROM open'):
            with self.subTest(text):
                answer = self.answer("denied", "latin", text)
                self.assertIn(b"42501", answer)
                self.assertIn(b"not UTF8", answer)
                self.assertIn(b"in double quotes", answer)

    def test_utf8_takes_every_spelling(self):
        for user in ("denied", "masked", "filtered"):
            for text in ("SELECT été FROM open", 'SELECT été AS "numéro" FROM open', r'SELECT U&"\00E9t\00E9" FROM open'):
                with self.subTest(text, user=user):
                    self.assert_shown(b"shown", user, "eight", text)
        self.assert_shown(b"***", "masked", "eight", "SELECT email FROM clienté")

    def test_who_may_do_everything_is_not_asked(self):
        for database in self.databases:
            for text in ("SELECT email FROM clienté", f'SELECT s FROM "{LONG}"', "SELECT folded()", 'SELECT email AS "numéro" FROM clienté'):
                with self.subTest(text, database=database):
                    self.assert_shown(b"canary", "root", database, text)


class Truncation(unittest.TestCase):
    """In UTF8 dbgate cuts names where the server does."""

    NAMES = ("a" * 62, "a" * 63, "b" * 64, "c" * 62 + "é", "d" * 61 + "é", "e" * 61 + "éf", "g" * 61 + "表", "h" * 60 + "表", "i" * 60 + "😀",
             "j" * 59 + "😀", "表" * 22, "é" * 32)

    def test_names_of_64_bytes_and_letters_at_the_edge(self):
        made = lab.Lab()
        self.addCleanup(made.close)
        for number, name in enumerate(self.NAMES):
            made.postgres.psql(f"CREATE TABLE \"{name}\" (id int, v text); INSERT INTO \"{name}\" VALUES ({number}, 'canary')")
        kept = [name.encode()[:63].decode(errors="ignore") for name in self.NAMES]
        self.assertEqual(len(set(kept)), len(kept))
        rules = ", ".join(f"'public.{name}'" for name in kept)
        gateway = made.gateway("version: 1\nstate_dir: state\n" + made.listen() + made.users("denied", "granted") + "targets:\n" + made.target() +
                               "policies:\n  - { name: d, who: { users: [denied] }, on: [postgres], allow: [ { select: ['*'] } ], "
                               f"deny: [ {{ select: [{rules}] }} ] }}\n"
                               f"  - {{ name: g, who: {{ users: [granted] }}, on: [postgres], allow: [ {{ select: [{rules}] }} ] }}\n")
        for user, shown in (("denied", False), ("granted", True)):
            with wire.Connection(gateway.port) as connection:
                connection.login(user, "postgres", lab.PASSWORD)
                for name in self.NAMES:
                    for spelling in (f'"{name}"', name, f'"{name}more"' if len(name.encode()) > 63 else f'"{name}"'):
                        with self.subTest(spelling, user=user):
                            connection.send(wire.query(f"SELECT v FROM {spelling}"))
                            answer = b"".join(body for _, body in connection.receive_until("Z"))
                            self.assertEqual(b"canary" in answer, shown)


if __name__ == "__main__":
    unittest.main()
