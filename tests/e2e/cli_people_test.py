#!/usr/bin/python3
"""Administration of people by the command line, under a terminal, at a real gateway."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cli_people  # noqa: E402
import lab  # noqa: E402
from cli_people import Person  # noqa: E402


class Administration(cli_people.People):
    VERBS = {"user add", "user list", "user show", "user disable", "user enable", "user reset", "user remove", "group list", "group add",
             "group remove", "group member", "role list", "role grant", "role revoke", "service-account add", "service-account list",
             "service-account key-list", "service-account key-add", "service-account key-revoke", "invitation create", "invitation list",
             "invitation revoke", "registration list", "registration approve", "registration deny", "registration create",
             "logins list", "logins end"}

    def test_a_user_from_first_to_last(self):
        root = self.root
        root.run("group", "add", "first")
        screen = root.see("user", "add", "maria", "--email", "maria@example.com", "--display-name", "Maria M", "--group", "first")
        self.assertIn("shown this one time", screen)
        once = re.search(r"one_time_password +(\S+)", screen)[1]
        self.assertRegex(once, "^[0-9A-Za-z]{20}$")
        stored = root.api("GET", "/users/maria")[1]
        self.assertEqual((stored["email"], stored["display_name"], stored["groups"], stored["state"]),
                         ("maria@example.com", "Maria M", ["first"], "active"))
        screen = root.see("user", "list")
        self.assertRegex(screen, r"^NAME +KIND +STATE +DISPLAY_NAME +EMAIL +GROUPS +ROLES\n")
        self.assertRegex(screen, r"(?m)^maria +person +active +Maria M +maria@example.com +first")
        self.assertIn("maria", root.run("user", "list", "--group", "first", "-q").split())
        self.assertEqual([one["email"] for one in root.json("user", "list") if one["name"] == "maria"], ["maria@example.com"])
        self.assertEqual(root.run("user", "list", "--state", "disabled", "-q"), "")
        self.assertRegex(root.see("user", "show", "maria"), r"(?m)^email +maria@example.com$")
        self.assertEqual(root.json("user", "show", "maria")["name"], "maria")

        maria = Person(type(self), "maria")
        maria.see("login", "--username", "maria", answers=[("Password", once), ("Password now", once), ("New password", "marias new one"),
                                                            ("again", "marias new one")])
        self.assertEqual(maria.json("whoami")["user"]["name"], "maria")
        maria.refused("user", "list", status=5, cause="administrative role", hint="whoami")
        # Not without a yes, and then at once.
        self.assertIn("nothing was done", root.see("user", "disable", "maria", answers=[(r"\[y/N\]", "n")], status=1))
        self.assertEqual(root.api("GET", "/users/maria")[1]["state"], "active")
        self.assertIn("maria is disabled", root.see("user", "disable", "maria", answers=[(r"\[y/N\]", "y")]))
        lab.wait_until(lambda: self.ends_with(maria, 4), "the disabled user is nobody", 2)
        maria.login("marias new one", status=4)
        self.assertIn("maria is active", root.see("user", "enable", "maria"))
        lab.wait_until(lambda: self.signs_in(maria, "marias new one"), "the user may sign in again", 2)
        screen = root.see("user", "reset", "maria", answers=[(r"\[y/N\]", "y")])
        again = re.search(r"one_time_password +(\S+)", screen)[1]
        lab.wait_until(lambda: self.signs_in(maria, again), "the new password is good", 2)
        maria.login("marias new one", status=4)
        self.assertIn("removed maria", root.see("user", "remove", "maria", answers=[(r"\[y/N\]", "yes")]))
        self.assertEqual(root.api("GET", "/users/maria")[0], 404)
        for verb in (("show", "maria"), ("enable", "maria"), ("reset", "maria", "--yes"), ("remove", "maria", "--yes")):
            root.refused("user", *verb, status=3, cause='no user "maria"', hint="dbgate user list")
        for verb in ("disable", "enable", "reset", "remove"):
            self.assertEqual(root.json("user", "add", "brief")["name"], "brief")
            root.run("user", verb, "brief", "--yes", *(["-o", "json"])) if verb != "enable" else root.run("user", verb, "brief", "-o", "json")
            root.run("user", "remove", "brief", "--yes", status=3 if verb == "remove" else 0)

    @staticmethod
    def ends_with(person, status):
        try:
            person.run("whoami", status=status)
            return True
        except AssertionError:
            return False

    @staticmethod
    def signs_in(person, password):
        try:
            person.login(password)
            return True
        except AssertionError:
            return False

    def test_mistakes_are_told(self):
        root = self.root
        root.refused("user", "add", "root", status=1, cause="already", hint="dbgate user list")
        root.refused("user", "add", "no/name", status=1, cause="name")
        root.refused("user", "add", "lost", "--group", "nowhere", status=1, cause='no group "nowhere"')
        root.refused("user", "add", status=2, cause="needs NAME", hint="dbgate user add NAME")
        root.refused("user", "show", "root", "--nonsense", status=2, cause="unknown flag --nonsense")
        root.refused("usr", "list", status=2, cause="usr", hint="user")
        root.refused("role", "grant", "emperor", "root", status=2, cause="emperor")
        error = root.run("user", "show", "nobody", "-o", "json", status=3)
        self.assertEqual(error, "")
        self.assertEqual(cli_people.json.loads(root.said)["code"], "not_found")
        # Without a terminal nobody is asked.
        self.assertIn("--yes", (root.run("user", "disable", "root", status=2), root.said)[1])

    def test_groups(self):
        root = self.root
        for name in ("ann", "bob"):
            root.run("user", "add", name)
        root.see("group", "add", "readers", "--description", "who read")
        root.refused("group", "add", "readers", status=1, cause="already", hint="dbgate group list")
        self.assertIn("ann is in readers", root.see("group", "member", "add", "readers", "ann", "bob"))
        self.assertEqual(root.api("GET", "/groups/readers")[1]["members"], ["ann", "bob"])
        self.assertRegex(root.see("group", "list"), r"(?m)^readers +who read +ann,bob")
        self.assertIn("no longer", root.see("group", "member", "remove", "readers", "ann"))
        root.run("group", "member", "remove", "readers", "ann", "-o", "json")  # what is so already is no mistake
        root.refused("group", "member", "add", "readers", "nobody", status=3, cause="nobody")
        root.refused("group", "member", "join", "readers", "ann", status=2, cause="join")
        self.assertEqual([one["members"] for one in root.json("group", "list") if one["name"] == "readers"], [["bob"]])
        self.assertEqual(root.json("group", "add", "brief")["name"], "brief")
        root.run("group", "remove", "brief", "--yes", "-o", "json")
        root.see("group", "remove", "readers", answers=[(r"\[y/N\]", "y")])
        self.assertEqual(root.api("GET", "/groups/readers")[0], 404)
        root.refused("group", "remove", "readers", "--yes", status=3, cause="readers", hint="dbgate group list")

    def test_roles(self):
        root, vera = self.root, self.person("vera")
        vera.refused("user", "list", status=5, cause="administrative role")
        root.see("role", "grant", "user_admin", "vera")
        vera.run("user", "list")
        self.assertIn({"role": "user_admin", "kind": "user", "name": "vera"}, root.json("role", "list"))
        self.assertRegex(root.see("role", "list"), r"(?m)^user_admin +user +vera")
        # Nobody gives more than they have.
        vera.refused("role", "grant", "admin", "vera", status=5, cause=".")
        root.see("role", "revoke", "user_admin", "vera")
        vera.refused("user", "list", status=5, cause="administrative role")
        root.run("group", "add", "guards")
        root.run("group", "member", "add", "guards", "vera")
        root.run("role", "grant", "user_admin", "guards", "--group", "-o", "json")
        vera.run("user", "list")
        root.run("role", "revoke", "user_admin", "guards", "--group", "-o", "json")
        vera.run("user", "list", status=5)
        root.refused("role", "grant", "auditor", "nobody", status=3, cause="nobody", hint="dbgate role list")

    def test_service_accounts(self):
        root = self.root
        self.assertRegex(root.see("service-account", "add", "etl", "--display-name", "Nightly"), r"(?m)^kind +service$")
        self.assertEqual(root.json("service-account", "add", "helper", "--agent")["kind"], "agent")
        self.assertRegex(root.see("service-account", "list"), r"(?m)^helper +agent +active")
        self.assertIn("etl", [one["name"] for one in root.json("service-account", "list")])
        screen = root.see("service-account", "key-add", "etl", "--name", "cron", "--scope", "read", "--scope", "connect", "--ttl", "2d")
        secret = re.search(r"dbg_sak_[0-9A-Za-z]{36}", screen)[0]
        self.assertIn("shown this one time", screen)
        etl = Person(type(self), "etl")
        self.assertEqual(etl.json("whoami", DBGATE_TOKEN=secret)["user"]["name"], "etl")
        etl.run("exec", "postgres", "-c", "SELECT 1", status=5, DBGATE_TOKEN=secret)  # no scope "query"
        keys = root.json("service-account", "key-list", "etl")
        self.assertEqual([(one["name"], one["scopes"]) for one in keys], [("cron", ["connect", "read"])])
        self.assertNotIn(secret, str(keys))
        self.assertRegex(root.see("service-account", "key-list", "etl"), rf"(?m)^{keys[0]['id']} +cron +dbg_sak_")
        root.see("service-account", "key-revoke", "etl", keys[0]["id"], answers=[(r"\[y/N\]", "y")])
        etl.run("whoami", status=4, DBGATE_TOKEN=secret)
        root.refused("service-account", "key-revoke", "etl", keys[0]["id"], "--yes", status=3, cause="no key")
        other = root.json("service-account", "key-add", "etl")
        root.run("service-account", "key-revoke", "etl", other["id"], "--yes", "-o", "json")
        root.refused("service-account", "key-list", "nobody", status=3, cause="nobody", hint="dbgate service-account list")
        root.refused("service-account", "key-add", "etl", "--ttl", "soon", status=2, cause="soon", hint="dbgate help service-account key-add")
        root.run("user", "remove", "helper", "--yes")
        self.assertNotIn("helper", [one["name"] for one in root.json("service-account", "list")])

    def test_invitations(self):
        root = self.root
        screen = root.see("invitation", "create", "eva@example.com", "--role", "auditor", "--ttl", "1d")
        secret = re.search(r"secret +(\S+)", screen)[1]
        self.assertRegex(root.see("invitation", "list"), r"eva@example.com +auditor")
        eva = Person(type(self), "eva")
        self.assertIn("you may sign in", eva.see("registration", "create", "eva", "--invitation", "--email", "eva@example.com", answers=[
            ("Invitation", secret), ("Password: ", "evas own password"), ("again", "evas own password")]))
        lab.wait_until(lambda: self.signs_in(eva, "evas own password"), "who was invited may sign in", 2)
        self.assertEqual(eva.json("whoami")["roles"], ["auditor"])
        eva.refused("registration", "create", "eva2", "--invitation", "--email", "eva@example.com", status=1, cause="invitation", answers=[
            ("Invitation", secret), ("Password: ", "evas own password"), ("again", "evas own password")])
        eva.refused("registration", "create", "eva3", status=2, cause="differ", answers=[("Password: ", "one long one"), ("again", "another one")])
        other = root.json("invitation", "create", "otto@example.com")
        root.see("invitation", "revoke", other["id"], answers=[(r"\[y/N\]", "y")])
        self.assertTrue(next(one for one in root.json("invitation", "list") if one["id"] == other["id"])["revoked_at"])
        eva.run("registration", "create", "otto", "--invitation", "--email", "otto@example.com", "--password-stdin", "-o", "json",
                text=f"{other['secret']}\nottos own password\n", status=1)
        root.refused("invitation", "revoke", "inv_01JD3K7V9QXW8N5T2R4M6P0ABC", "--yes", status=3, cause="invitation", hint="invitation list")
        root.run("invitation", "revoke", "inv_01JD3K7V9QXW8N5T2R4M6P0ABC", "--yes", "-o", "json", status=3)

    def test_who_waits_for_approval(self):
        root = self.root
        self.assertIn("nobody waits", root.see("registration", "list"))
        self.assertEqual(root.json("registration", "list"), [])
        for verb in ("approve", "deny"):
            flags = ["--yes"] if verb == "deny" else []
            root.refused("registration", verb, "nobody", *flags, status=3, cause="nobody", hint="dbgate registration list")
            root.run("registration", verb, "nobody", *flags, "-o", "json", status=3)

    def test_logins(self):
        root, nina = self.root, self.person("nina")
        phone = Person(type(self), "nina")
        phone.login("a long password of nina")
        mine = nina.json("logins", "list")
        self.assertEqual(len(mine), 2)
        other = next(one["id"] for one in mine if not one["current"])
        self.assertRegex(nina.see("logins", "list"), rf"(?m)^{other} +false")
        nina.see("logins", "end", other, answers=[(r"\[y/N\]", "y")])
        lab.wait_until(lambda: self.ends_with(phone, 4), "the other device is signed out", 2)
        nina.run("whoami")
        self.assertIn("nina", root.see("logins", "list", "--user", "nina"))
        self.assertEqual({one["user"] for one in root.json("logins", "list", "--all")} & {"nina", "root"}, {"nina", "root"})
        left = root.json("logins", "list", "--user", "nina")
        root.run("logins", "end", left[0]["id"], "--yes", "-o", "json")
        lab.wait_until(lambda: self.ends_with(nina, 4), "an administrator has signed her out", 2)
        root.refused("logins", "end", "lgn_01JD3K7V9QXW8N5T2R4M6P0ABC", "--yes", status=3, cause="sign-in|login", hint="dbgate logins list")
        phone.login("a long password of nina")
        phone.refused("logins", "list", "--all", status=5, cause="administrative role")
        phone.run("logins", "end", root.json("logins", "list")[0]["id"], "--yes", status=5)


if __name__ == "__main__":
    unittest.main()
