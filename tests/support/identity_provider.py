"""A real identity provider (npm's oidc-provider) and somebody's browser."""
import html
import http.cookiejar
import json
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import lab

FOLDER = lab.ROOT / "build" / "oidc-provider"
SCRIPT = pathlib.Path(__file__).with_name("oidc_provider.mjs")


def available():
    """Whether there is one to be had here; scripts/setup.sh installs it."""
    return shutil.which("node") is not None and (FOLDER / "node_modules" / "oidc-provider").is_dir()


class Provider:
    """Runs as long as the `with` block."""

    def __init__(self, client_id="dbgate", client_secret=None):
        self.client_id, self.client_secret = client_id, client_secret

    def __enter__(self):
        secret = [self.client_secret] if self.client_secret else []
        self.process = subprocess.Popen(["node", str(SCRIPT), str(FOLDER), self.client_id, *secret], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.issuer = json.loads(self.process.stdout.readline())["issuer"]
        return self

    def __exit__(self, *problem):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def sits_down(self, sub, **claims):
        """Who is in front of all browsers from now on. `redirect_uris`: callbacks that the client may name."""
        request = urllib.request.Request(self.issuer + "/test/person", json.dumps({"sub": sub, **claims}).encode(),
                                         method="PUT")
        urllib.request.urlopen(request, timeout=20).close()


class Stop(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand, to see where they lead."""

    def redirect_request(self, *args, **kwargs):
        return None


class Browser:
    """Follows redirects with cookies and submits forms, until it is sent away from `stay`."""

    def __init__(self, stay):
        self.stay = stay
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), Stop())

    def _ask(self, url, form):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            answer = self.opener.open(urllib.request.Request(url, data), timeout=20)
        except urllib.error.HTTPError as problem:
            answer = problem
        with answer:
            return answer.status, answer.headers.get("Location"), answer.read().decode()

    def visit(self, url, form=None):
        """Returns (where it was sent, the last page's text): one of them is None."""
        for _ in range(20):
            status, location, text = self._ask(url, form)
            if status not in (302, 303, 307):
                return None, text
            url, form = urllib.parse.urljoin(url, location), None
            if not url.startswith(self.stay):
                return url, None
        raise AssertionError(f"too many redirects: {url}")

    def submit(self, page, **values):
        """Submits the page's only form with its hidden fields and `values`."""
        action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page)[1])
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        return self.visit(urllib.parse.urljoin(self.stay, action), {**fields, **values})
