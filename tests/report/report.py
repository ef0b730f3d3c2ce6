"""A report in a real browser: `report.py PROGRAM CHROMIUM`.

Looks at the page at three widths, searches, sorts, follows links to events, reads the accessibility tree, and prints.
Names from a log that would run must not. Exits with 1 at the first fault.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from report_args import CHROMIUM, GRANTED

HOSTILE = ["<script>window.hit=1</script>", '"><img src=x onerror="window.hit=2">', "</style><svg onload=window.hit=3>"]


def trailpare(program, *args):
    done = subprocess.run([program, "--quiet", *args], capture_output=True, text=True)
    assert done.returncode in (0, 3), f"{args}: {done.stderr}"
    return done.stdout


def hostile_logs(folder):
    folder.mkdir()
    records = []
    for number, name in enumerate(HOSTILE):
        issuer = {"type": "Role", "accountId": "111122223333", "userName": name, "arn": f"arn:aws:iam::111122223333:role/{name}"}
        records.append({
            "eventVersion": "1.09", "eventTime": "2024-03-01T10:00:00Z", "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject", "awsRegion": "eu-west-1", "eventID": f"{name}{number}", "eventType": "AwsApiCall",
            "recipientAccountId": "111122223333", "requestParameters": {"bucketName": "b", "key": name},
            "userIdentity": {
                "type": "AssumedRole", "arn": f"arn:aws:sts::111122223333:assumed-role/{name}/{name}",
                "accountId": "111122223333", "principalId": f"AROAEXAMPLE:{name}", "sessionContext": {"sessionIssuer": issuer},
            },
        })
    (folder / "a.json").write_text(json.dumps({"Records": records}))
    return folder


class Look:
    """A page that is open, with everything that went wrong in it."""

    def __init__(self, browser, path, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.faults, self.requests = [], []
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type != "log" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.page.goto(self.url)

    def end(self):
        assert not self.faults, self.faults
        others = [url for url in self.requests if url.split("#")[0] != self.url]
        assert not others, f"the page asked for {others}"
        self.context.close()


def widths(browser, path):
    for width in (390, 820, 1440):
        for scheme in ("light", "dark"):
            look = Look(browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme)
            wide = look.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"at {width} pixels the page is {wide} too wide"
            look.end()


def without_script(browser, path):
    look = Look(browser, path, java_script_enabled=False)
    rows = look.page.locator("table.searched tbody tr").count()
    assert rows > 10, rows
    assert look.page.locator("section.principal").count() == rows
    look.page.locator("section.principal details summary").first.click()
    assert look.page.locator("section.principal details[open]").count() == 1
    # What to do is read without opening anything.
    assert look.page.locator("#waves table tbody tr:visible").count() > 5
    look.end()


def cuts(browser, path, figures):
    """Who is in which wave and why, and where the links lead."""
    look = Look(browser, path)
    summary = figures["rightsize"]["summary"]
    for wave, count in summary["waves"].items():
        tile = look.page.locator("#waves .tiles div").filter(has=look.page.locator(f".w-{wave}"))
        assert tile.locator("dd").inner_text().split("\n")[0] == str(count), (wave, count)
    rows = look.page.locator("#waves table tbody tr")
    assert rows.count() == len(summary["principals"])
    found = rows.evaluate_all("rows => rows.map(row => [row.cells[0].textContent.trim().split(' ')[0], row.cells[8].textContent.trim()])")
    expected = [[one["name"].split(" ")[0], "; ".join(one["reasons"])] for one in summary["principals"]]
    assert sorted(found) == sorted(expected)
    subjects = {(one["kind"], one["name"], one["account"]): one for one in figures["rightsize"]["subjects"]}
    role = next(one for one in subjects.values() if one["kind"] == "role" and one["trust"] and one["trust"]["proposed"] and one["trust"]["today"])
    row = rows.filter(has_text=role["name"]).filter(has_text=role["account"]).first
    section = look.page.locator(row.locator("a").get_attribute("href"))
    assert section.locator(".arn").inner_text() == role["arn"]
    text = section.inner_text()
    for way in role["trust"]["assumed_by"]:
        assert way["who"] in text, way["who"]
    for wave in ("tighten", "ask"):
        assert look.page.locator(f"section.principal .w-{wave}").count() > 0, wave
    for kind, heading in (("permission-set", "Permission set"), ("persona", "Persona")):
        section = look.page.locator(f"section[id^='{kind}-']")
        assert section.count() == len([one for one in subjects.values() if one["kind"] == kind]) > 0, kind
        assert heading in section.first.inner_text()
    assert look.page.locator("section.part[id^='a']").count() == len(figures["accounts"])
    assert look.page.locator("section.part[id^='u']").count() == len(figures["people"])
    assert look.page.locator("pre del").count() > 0 and look.page.locator("pre ins").count() > 0
    links = look.page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById(a.getAttribute('href').slice(1))).length")
    assert links == 0, f"{links} links lead nowhere"
    look.end()


def japanese(browser, path):
    look = Look(browser, path)
    assert look.page.evaluate("document.documentElement.lang") == "ja"
    for word in ("削減できる権限", "引き受けた者", "ペルソナ"):
        assert word in look.page.locator("main").inner_text(), word
    # What the program says is English, and says so to whoever reads it aloud.
    assert look.page.locator("#waves td[lang=en]").count() > 5
    look.end()


def search(browser, path, figures):
    look = Look(browser, path)
    rows = look.page.locator("table.searched tbody tr:visible")
    assert rows.count() == len(figures["principals"])
    box = look.page.get_by_role("searchbox")
    box.fill("lambda-objects")
    wanted = [one for one in figures["principals"] if "lambda-objects" in one["name"]]
    assert rows.count() == len(wanted) > 0, (rows.count(), len(wanted))
    box.fill("no such name at all")
    assert rows.count() == 0
    box.fill("")
    assert rows.count() == len(figures["principals"])
    look.end()


def sort(browser, path, figures):
    look = Look(browser, path)
    head = look.page.locator("table.searched thead th").filter(has_text="denied")
    column = head.evaluate("head => head.cellIndex")
    expected = sorted(one["counts"]["denied"] for one in figures["principals"])
    for order in ("ascending", "descending"):
        head.get_by_role("button").focus()
        look.page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == order
        cells = look.page.locator("table.searched tbody tr").evaluate_all(
            "(rows, column) => rows.map(row => Number(row.cells[column].textContent.replaceAll(',', '')))", column
        )
        assert cells == (expected if order == "ascending" else expected[::-1]), cells
    look.end()


def tiles(browser, path, figures):
    """What the page says is what its figures say."""
    look = Look(browser, path)
    for row in look.page.locator("table.searched tbody tr").all()[:10]:
        arn = look.page.locator(row.locator("a").get_attribute("href") + " .arn").inner_text()
        one = next(one for one in figures["principals"] if one["arn"] == arn)
        texts = [cell.replace(",", "") for cell in row.locator("td.r").all_inner_texts()]
        counts = [str(one["counts"][key]) for key in ("allowed", "denied", "undecided")]
        assert texts[-3:] == counts, (arn, texts, counts)
    look.end()


def events(browser, path):
    look = Look(browser, path)
    anchor = look.page.locator(".e a[id]").first.get_attribute("id")
    look.end()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{path.as_uri()}#{anchor}")
    page.locator(f"[id='{anchor}']").wait_for(state="visible", timeout=5000)
    context.close()


def accessible(browser, path):
    look = Look(browser, path)
    tree = look.page.locator("body").aria_snapshot()
    for part in ("banner", "main", "navigation", "heading", "table", "searchbox", "img", "contentinfo"):
        assert f"- {part}" in tree, f"no {part} in the accessibility tree"
    nameless = look.page.evaluate(
        """[...document.querySelectorAll('a, button, input, svg[role=img], section')].filter(one =>
            !(one.textContent.trim() || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby'))).length"""
    )
    assert nameless == 0, f"{nameless} without a name"
    twice = look.page.evaluate(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map(one => one.id); return ids.length - new Set(ids).size })()"
    )
    assert twice == 0, f"{twice} ids stand twice"
    look.page.keyboard.press("Tab")
    assert look.page.evaluate("document.activeElement.className") == "skip"
    look.end()


def contrast(browser, path):
    """Text against its background: at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    script = """() => {
        const light = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(x => x / 255)
            .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
        const behind = (one) => { for (; one; one = one.parentElement) { const c = getComputedStyle(one).backgroundColor;
            if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
        const faults = new Set();
        for (const one of document.querySelectorAll('h1, h2, p, td, th, dt, dd, small, a, .bad, .warn, summary')) {
            if (!one.textContent.trim()) continue;
            const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) faults.add(one.tagName + '.' + one.className);
        }
        return [...faults];
    }"""
    for scheme in ("light", "dark"):
        look = Look(browser, path, color_scheme=scheme)
        faults = look.page.evaluate(script)
        assert not faults, f"{scheme}: {faults}"
        look.end()


def hostile(browser, path):
    look = Look(browser, path)
    look.page.wait_for_timeout(200)
    assert look.page.evaluate("window.hit === undefined"), "a name from a log ran"
    assert look.page.locator("img").count() == 0
    assert look.page.locator("section.principal").count() == len(HOSTILE)
    assert look.page.locator("#waves tbody tr").count() >= len(HOSTILE)
    for name in HOSTILE:
        assert name in look.page.locator("main").inner_text(), name
    look.end()


def main():
    program, chromium = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folder = Path(folder)
        page, figures = folder / "report.html", folder / "report.json"
        trailpare(program, "report", "--archive", "sample-logs", "--store", f"{folder}/store", "--out", f"{page}", *GRANTED)
        trailpare(program, "report", "--store", f"{folder}/store", "--out", f"{figures}", "--format", "json", *GRANTED)
        other = folder / "ja.html"
        trailpare(program, "report", "--store", f"{folder}/store", "--out", f"{other}", "--language", "ja", *GRANTED)
        bad = folder / "hostile.html"
        trailpare(program, "report", "--archive", f"{hostile_logs(folder / 'logs')}", "--store", f"{folder}/bad", "--out", f"{bad}")
        figures = json.loads(figures.read_text())
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=CHROMIUM,
        )
        widths(browser, page)
        without_script(browser, page)
        search(browser, page, figures)
        sort(browser, page, figures)
        tiles(browser, page, figures)
        cuts(browser, page, figures)
        japanese(browser, other)
        widths(browser, other)
        events(browser, page)
        accessible(browser, page)
        contrast(browser, page)
        hostile(browser, bad)
        browser.close()
        printed = folder / "report.pdf"
        trailpare(program, "report", "--store", f"{folder}/store", "--out", f"{printed}", "--format", "pdf", "--browser", chromium)
        assert printed.read_bytes().startswith(b"%PDF") and printed.stat().st_size > 20_000
    print("the report in a browser: widths, search, sort, waves, trust, personas, Japanese, links, accessibility, contrast, hostile names, print: ok")


main()
