import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages_in_browser import Watched, browser

from gengap.bounds import clopper_pearson
from gengap.report import PALETTE
from gengap.report.theme import lightened
from gengap.studies.evidence import results_folder
from gengap.tasks.atlas import atlas

RECORDED = ("zhang2017/figure1c", "kawaguchi2017/theorem7", "kawaguchi2017/theorem8")
LARGEST_PAGE = 3_000_000  # bytes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = results_folder()
    assert results is not None
    folder = tmp_path_factory.mktemp("browser")
    for name in RECORDED:
        shutil.copytree(results / name, folder / "results" / name)
    shutil.copytree(results / "learning_time", folder / "results/learning_time")
    (folder / "results/measures").mkdir()
    shutil.copy(results / "measures/measures.csv", folder / "results/measures")
    (folder / "results/trial").mkdir()
    shutil.copy(results / "trial/report.json", folder / "results/trial")
    return atlas(folder / "site", results=folder / "results").index.parent


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as instance:
        yield instance


@pytest.fixture(params=["light", "dark"])
def watched(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme=request.param)
    yield Watched(context)
    context.close()


def test_no_page_reports_an_error_reaches_the_network_or_is_wider_than_a_phone(site: Path, watched: Watched) -> None:
    pages = [site / "index.html", *sorted((site / "live").glob("*.html"))]
    pages += [site / "studies/zhang2017-figure1c.html", site / "studies/kawaguchi2017-theorem8.html"]
    for path in pages:
        page = watched.open(path)
        assert path.stat().st_size < LARGEST_PAGE
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path.name} scrolls sideways"
    assert watched.errors == []
    assert watched.requests == []


def test_axe_finds_nothing_serious(site: Path, watched: Watched) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for path in [
        site / "index.html",
        *sorted((site / "live").glob("*.html")),
        site / "studies/zhang2017-figure1c.html",
    ]:
        violations = Axe().run(watched.open(path)).response["violations"]
        serious = [each for each in violations if each["impact"] in ("serious", "critical")]
        assert not serious, f"{path.name}: {[(each['id'], each['nodes'][0]['html']) for each in serious]}"


def test_the_charts_are_drawn(site: Path, watched: Watched) -> None:
    page = watched.open(site / "studies/zhang2017-figure1c.html")
    page.wait_for_selector("figure .live svg")
    assert page.locator("figure.undrawn").count() == 0


def test_charts_have_lighter_colours_on_a_dark_page(site: Path, watched: Watched) -> None:
    page = watched.open(site / "studies/zhang2017-figure1c.html")
    page.wait_for_selector("figure .live svg")
    drawn = page.inner_html("figure .live").lower()
    light, dark = PALETTE[0].lower(), lightened(PALETTE[0])
    expected, other = (
        (dark, light) if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else (light, dark)
    )
    assert expected in drawn
    assert other not in drawn


def test_a_wide_table_uses_the_margins_of_a_large_screen(site: Path, watched: Watched) -> None:
    page = watched.open(site / "studies/zhang2017-figure1c.html")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.eval_on_selector("section > .scroll table", "table => { table.style.minWidth = '1000px'; }")
    assert page.eval_on_selector("section > .scroll", "place => place.scrollWidth <= place.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_numbers_of_a_study_are_cards_on_a_phone_and_keep_their_columns_for_a_screen_reader(
    site: Path, watched: Watched
) -> None:
    page = watched.open(site / "studies/zhang2017-figure1c.html")
    table = page.get_by_role("table", name="The paper's numbers and ours")
    assert table.evaluate("table => table.parentElement.scrollWidth <= table.parentElement.clientWidth")
    names = table.get_by_role("row").nth(1).get_by_role("cell")
    assert names.evaluate_all("cells => cells.map(cell => cell.dataset.column)") == [
        "quantity",
        "paper",
        "ours",
        "difference",
        "verdict",
    ]
    assert "indicative" in names.last.text_content()


def test_the_parts_of_a_chart_and_its_legends_fit_a_phone(site: Path, watched: Watched) -> None:
    page = watched.open(site / "studies/kawaguchi2017-theorem7.html")
    page.wait_for_selector("#theorem-7-terms .role-legend")
    wider = "[...document.querySelectorAll('.live')].map(place => place.scrollWidth - place.clientWidth)"
    assert max(page.evaluate(wider)) <= 24  # the last label of an axis stands beyond its end
    assert page.evaluate(
        "[...document.querySelectorAll('.role-legend')].every(legend => "
        "legend.getBoundingClientRect().right <= legend.closest('.live').getBoundingClientRect().right)"
    )


def test_the_pictures_of_live_pieces_keep_the_size_of_their_text(site: Path, watched: Watched) -> None:
    for name in ("lies", "theorem1", "time"):
        picture = watched.open(site / f"live/{name}.html").locator("#piece > svg")
        assert picture.evaluate("svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width") > 0.95


def test_the_search_finds_a_page_by_keyboard(site: Path, watched: Watched) -> None:
    page = watched.open(site / "index.html")
    page.keyboard.press("/")
    page.keyboard.type("planner")
    assert "certificate planner" in page.locator("#found li").first.text_content()
    page.keyboard.press("Enter")
    page.wait_for_url("**/live/certificate.html")


def test_the_arrow_keys_go_through_what_was_found(site: Path, watched: Watched) -> None:
    page = watched.open(site / "index.html")
    page.locator("#search").fill("double descent")
    focused = "[...document.querySelectorAll('#found a')].indexOf(document.activeElement)"
    found = []
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
        found.append(page.evaluate(focused))
    assert found == [0, 1, 0, -1]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("memorized", "Guess which memorised"),
        ("theorem 7", "The exact gap of a network (Kawaguchi et al. 2017, Theorem 7)"),
    ],
)
def test_the_search_knows_both_spellings_and_puts_whole_phrases_first(
    site: Path, watched: Watched, typed: str, first: str
) -> None:
    page = watched.open(site / "index.html")
    page.locator("#search").fill(typed)
    assert page.locator("#found li").first.text_content().startswith(first)


def test_the_arrow_keys_turn_to_the_neighbouring_pages(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/certificate.html")
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/live/theorem1.html")


@pytest.mark.parametrize(
    ("errors", "n", "tried", "delta"),
    [
        (30, 10_000, 300, 0.05),
        (0, 100, 1, 0.05),
        (999, 100_000, 1, 1e-6),
        (5_000, 1_000_000, 1_000_000, 0.05),
        (9, 10, 1, 0.5),
        (10, 10, 1, 0.05),
    ],
)
def test_the_planner_computes_the_bound_of_the_command(
    site: Path, chromium: Any, errors: int, n: int, tried: int, delta: float
) -> None:
    page = chromium.new_page()
    page.goto((site / "live/certificate.html").as_uri())
    ours = page.evaluate("a => window.certificate.upper(...a)", [errors, n, tried, delta])
    page.close()
    # The page's gamma function has fifteen digits, of numbers up to 1e7 whose difference counts.
    assert ours == pytest.approx(float(clopper_pearson(errors, n, tried, delta)), rel=1e-9)


def test_the_planner_answers_when_a_handle_is_moved(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/certificate.html")
    before = float(page.locator("#answer").get_attribute("data-upper"))
    page.locator("#handle-n").fill("6")
    assert "1,000,000 examples" in page.locator("#answer").text_content()
    assert float(page.locator("#answer").get_attribute("data-upper")) < before
    assert "--n 1000000" in page.locator("#command").text_content()
    page.locator("#handle-n").fill("2")
    page.locator("#handle-errors").fill("0")
    assert float(page.locator("#answer").get_attribute("data-upper")) == pytest.approx(0.0833185, abs=1e-7)
    assert "at most 8.34%" in page.locator("#answer").text_content()  # rounded upwards
    assert "8.33 percentage points above" in page.locator("#answer").text_content()
    page.locator("#handle-delta").fill("-6")
    assert "with 99.9999% confidence" in page.locator("#answer").text_content()


def test_the_network_of_theorem_1_follows_a_point(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/theorem1.html")
    points = [[3.0, 7.0], [0.0, 5.0], [1.0, -2.0]]
    values = page.evaluate(
        "p => { const net = window.theorem1.network(p); return p.map(([x]) => window.theorem1.value(net, x)); }", points
    )
    assert values == pytest.approx([7.0, 5.0, -2.0], abs=1e-9)
    circle = page.locator("circle").nth(2)
    before = circle.get_attribute("cy")
    circle.focus()
    page.keyboard.press("ArrowUp")
    assert circle.get_attribute("cy") != before
    assert float(page.locator("#answer").get_attribute("data-miss")) < 1e-9


def test_the_curves_of_corrupted_labels_follow_the_handle(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/lies.html")
    before = page.locator("#answer").text_content()
    page.locator("#level").fill("10")
    assert page.locator("#answer").text_content() != before


def test_more_examples_are_fitted_at_a_later_epoch(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/time.html")
    fitted = "[...document.querySelectorAll('.digit canvas')].filter(c => c.style.opacity === '1').length"
    early = page.evaluate(fitted)
    page.locator("#epoch").fill("110")
    assert page.evaluate(fitted) > early > 0


def rows_of(page: Any, place: str) -> list[list[str]]:
    return page.evaluate(
        "rows => [...document.querySelectorAll(rows)].map(row => [...row.cells].map(cell => cell.textContent))",
        f"{place} tbody tr",
    )


def test_a_game_counts_the_guesses_and_what_each_measure_points_to(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/guess.html")
    rounds, played, right, guessed = 10, Counter[int](), Counter[int](), 0
    names = [row[0] for row in rows_of(page, "#piece > .duel")]
    for turn in range(rounds):
        assert f"Pair {turn + 1} of {rounds}" in page.locator("#setting").text_content()
        page.locator("#guess-A").click()
        memorised = re.search(r"([AB]) memorised", page.locator("#answer").text_content())[1]
        guessed += memorised == "A"
        for i, (_, a, b, points) in enumerate(rows_of(page, "#piece > .duel")):
            if a == "–" or points == "–":
                continue
            larger = {float(a) > float(b): "A", float(b) > float(a): "B"}.get(True, points[0])  # equal as far as shown
            assert points == f"{larger} {'✓' if larger == memorised else '✗'}"
            played[i] += 1
            right[i] += larger == memorised
        if turn < rounds - 1:
            page.locator("#again").click()
    scores = {row[0]: row[1] for row in rows_of(page, "#tally")}
    assert scores["You"] == f"{guessed} of {rounds}"
    for i, name in enumerate(names):
        assert scores[next(each for each in scores if name.startswith(each + "large"))] == f"{right[i]} of {played[i]}"
    assert any(right[i] < played[i] for i in played)  # some measure is fooled
    assert page.locator("#again").is_disabled()


def test_the_first_game_is_always_the_same_and_a_new_one_begins_anew(site: Path, watched: Watched) -> None:
    page = watched.open(site / "live/guess.html")
    first = rows_of(page, "#piece > .duel")
    page.locator("#guess-A").click()
    assert "of 1" in page.locator("#tally").text_content()
    page.locator("#new").click()
    assert "Pair 1 of 10" in page.locator("#setting").text_content()
    assert page.locator("#guess-A").is_enabled()
    assert rows_of(watched.open(site / "live/guess.html"), "#piece > .duel") == first
