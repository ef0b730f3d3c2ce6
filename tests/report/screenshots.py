"""Pictures of a report of the sample archive: `screenshots.py PROGRAM CHROMIUM OUT`.

Writes report-waves.png, report-role.png and report-narrow-dark.png into OUT.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from report_args import CHROMIUM, GRANTED


def main():
    program, chromium, out = sys.argv[1:]
    out = Path(out)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        arguments = ["report", "--archive", "sample-logs", "--store", f"{folder}/store", "--out", f"{page}", *GRANTED]
        done = subprocess.run([program, "--quiet", *arguments], capture_output=True, text=True)
        assert done.returncode in (0, 3), done.stderr
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)

        def picture(name, width, height, scheme, prepare, **options):
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            tab = context.new_page()
            tab.goto(page.as_uri())
            prepare(tab)
            tab.screenshot(path=out / name, **options)
            context.close()

        def to_role(tab):
            """A role that can be tightened, its policies opened."""
            link = tab.locator("#waves tbody tr").filter(has_text="deploy-stacks").locator("a[href^='#p']").first.get_attribute("href")
            section = tab.locator(link)
            section.locator(".beside details").evaluate_all("all => all.slice(0, 2).forEach(one => { one.open = true })")
            section.evaluate("one => one.scrollIntoView()")

        def to_waves(tab):
            tab.locator("#waves").evaluate("one => one.scrollIntoView()")

        picture("report-waves.png", 1280, 900, "light", to_waves)
        picture("report-role.png", 1280, 1100, "light", to_role)
        picture("report-narrow-dark.png", 390, 900, "dark", to_role)
        browser.close()


main()
