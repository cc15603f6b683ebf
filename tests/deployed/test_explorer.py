"""The pages for people without a token: the page finds its files wherever the API is, and browsers keep what never changes."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from api import problem

pytestmark = pytest.mark.reads_only

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


def page(stranger):
    """The page, and the address below which its files are."""
    answer = stranger.get("/", Accept=HTML)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    [base] = re.findall(r'<base href="([^"]*)">', answer.text)
    return answer, urljoin(answer.url, base)


def the_page_is_html_for_browsers_and_five_lines_for_others(stranger):
    answer, base = page(stranger)
    assert answer.text.startswith("<!doctype html>")
    assert base == f"{stranger.url}/"
    assert "<noscript>" in answer.text
    lines = stranger.get("/", Accept="application/json")
    assert lines.text.startswith("Product ledger ") and len(lines.text.splitlines()) == 5


def its_files_are_kept_by_browsers_and_those_of_another_build_are_not_found(stranger):
    answer, base = page(stranger)
    files = re.findall(r'(?:href|src)="(ui/[^"]+)"', answer.text)
    assert len(files) > 2
    for name in files:
        path = urljoin(base, name).removeprefix(stranger.url)
        found = stranger.get(path, Accept="*/*")
        assert (found.status_code, found.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable"), name
        assert found.headers["Content-Type"].split(";")[0] == ("text/css" if name.endswith(".css") else "text/javascript")
        # Text that was answered as Base64 would not be a program.
        assert re.search(r"[;{}]", found.text), name
        again = stranger.get(path, If_None_Match=found.headers["ETag"])
        assert (again.status_code, again.text) == (304, ""), name
    problem(stranger.get("/ui/main-OLDBUILD.js"), 404, "not-found")


def the_settings_name_the_client_for_people_and_the_policy_its_token_endpoint(stranger):
    answer, _ = page(stranger)
    config = stranger.get("/ui/config.json")
    assert config.headers["Cache-Control"] == "no-cache"
    told = config.json()
    assert told["mode"] == "oidc"
    assert f"{urlsplit(answer.url).path.rstrip('/')}" == told["base"]
    assert told["scopes"] == "products/read products/audit"
    assert told["client_id"]
    token = urlsplit(told["token_url"])
    assert (token.scheme, token.path) == ("https", "/oauth2/token")
    for url, path in ((told["authorize_url"], "/oauth2/authorize"), (told["end_session_url"], "/logout")):
        assert urlsplit(url)[:3] == ("https", token.netloc, path)
    policy = answer.headers["Content-Security-Policy"]
    assert f"connect-src 'self' https://{token.netloc};" in policy
    again = stranger.get("/ui/config.json", If_None_Match=config.headers["ETag"])
    assert (again.status_code, again.text) == (304, "")


def heads_of_the_pages_have_no_body_and_other_methods_are_refused(stranger):
    for path in ("/", "/ui/config.json", "/ui/LICENSES.txt"):
        head = stranger.ask("HEAD", path, Accept=HTML)
        assert (head.status_code, head.content) == (200, b""), path
        refused = stranger.ask("POST", path, {})
        problem(refused, 405, "method-not-allowed")
        assert refused.headers["Allow"] == "GET,HEAD", path
