"""Pages around a ticket: drafts, plans, undocumented decisions, wordings, images, and outcomes kept until guessed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal as D
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from journal.models import Lesson, Peek, Picture, Plan, Question, Review, Rotation, Wording
from journal.services.pictures import PictureRefused, clean_picture
from portfolio.models import Fill, Portfolio
from portfolio.services.entries import NewFill
from portfolio.services.ledger import record_fills
from tests.journal import test_pages
from tests.journal.test_pages import NEW, rotations, ticket
from tests.pages import heading, said
from tests.portfolio.factories import NOW, spot

pytestmark = [pytest.mark.django_db, pytest.mark.once]
market, book, recommendation, _clock = test_pages.market, test_pages.book, test_pages.recommendation, test_pages._clock


def image(size: tuple[int, int] = (40, 20), form: str = "PNG", **saved: Any) -> bytes:
    """Return an image file."""
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, form, **saved)
    return out.getvalue()


def upload(data: bytes, name: str = "chart.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "text/html")


def traded(book: Portfolio, quantity: str = "10") -> Fill:
    """Record a sale without a reason."""
    new = NewFill(
        instrument=spot("UNI"), side=Fill.Side.SELL, quantity=D(quantity), price=D(25),
        executed_at=NOW - timedelta(hours=2),
    )  # fmt: skip
    return record_fills(portfolio=book, fills=[new], now=NOW, client_key=str(uuid.uuid4())).fills[0]


class TestDrafts:
    def test_what_is_typed_comes_back_as_it_was(self, client_of_alice: Client, book: Portfolio) -> None:
        data = {**ticket(), "thesis": "Half a thou", "mood": "tired", "own_conviction": "abc", "tags": "news"}
        data["checklist"] = ["Core stays untouched: only the part I speculate with moves."]
        answer = client_of_alice.post("/journal/draft/", data).content.decode()
        assert "Draft kept" in answer
        plan = Plan.objects.get()
        page = client_of_alice.get(f"{NEW}?plan={plan.pk}").content.decode()
        assert "Half a thou" in page
        assert 'value="1246.2"' in page
        assert 'value="abc"' in page
        assert 'value="tired" selected' in page
        assert page.count("checked") >= 2
        assert str(plan.client_key) in page

    def test_logging_it_closes_the_draft_and_typing_on_does_not_reopen_it(
        self, client_of_alice: Client, book: Portfolio
    ) -> None:
        data = ticket()
        client_of_alice.post("/journal/draft/", data)
        assert client_of_alice.post(NEW, data).status_code == 302
        assert "Closed already" in client_of_alice.post("/journal/draft/", data).content.decode()
        assert Plan.objects.get().state == "closed"

    def test_a_key_that_is_none_is_not_found(self, client_of_alice: Client, book: Portfolio) -> None:
        assert client_of_alice.post("/journal/draft/", {"client_key": "x"}).status_code == 404

    def test_mood_and_checklist_stay_with_the_rotation(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post("/journal/questions/", {"text": "Did I  sleep on it?"})
        asked = ["Did I sleep on it?", "This is not priced in yet: I act on evidence, not on yesterday's news."]
        client_of_alice.post(NEW, {**ticket(), "mood": "calm", "checklist": asked})
        found = Rotation.objects.get()
        assert (found.mood, len(found.checklist)) == ("calm", 5)
        assert [each["question"] for each in found.checklist if each["is_checked"]] == asked[::-1]
        assert "2 of 5" in said(client_of_alice, f"/journal/{found.pk}/")
        client_of_alice.post(f"/journal/questions/{Question.objects.get().pk}/stop/")
        assert "Did I sleep on it?" not in said(client_of_alice, NEW)


class TestPlans:
    def plan(self, client: Client, **more: Any) -> Plan:
        assert client.post(NEW, {**ticket(), "plan": "1", "executed_at": "", **more}).status_code == 302
        return Plan.objects.get()

    def fill(self, client: Client, plan: Plan, quantity: str, position: int = 1) -> int:
        pk = plan.legs.get(position=position).pk
        at = f"{NOW - timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        data = {"client_key": str(uuid.uuid4()), "executed_at": at}
        return client.post(
            f"/journal/plans/{plan.pk}/", {**data, f"leg{pk}_quantity": quantity, f"leg{pk}_price": "25"}
        ).status_code

    def test_it_is_planned_filled_in_parts_and_closed(self, client_of_alice: Client, book: Portfolio) -> None:
        plan = self.plan(client_of_alice)
        where = f"/journal/plans/{plan.pk}/"
        assert heading(client_of_alice, where) == "Planned: nothing of it is filled yet"
        assert not Fill.objects.exists()
        assert self.fill(client_of_alice, plan, "50") == 302
        assert heading(client_of_alice, where) == "Under way: 25% is filled"
        assert Fill.objects.get().fee_amount == D("1.25")
        rotation = Rotation.objects.get()
        assert "Under way: 25% of what you planned is filled" in said(client_of_alice, f"/journal/{rotation.pk}/")
        assert self.fill(client_of_alice, plan, "9999") == 422
        client_of_alice.post(f"{where}end/", {"reason": ""})
        client_of_alice.post(f"{where}end/", {"reason": "The move is over."})
        plan.refresh_from_db()
        assert (plan.state, plan.ending) == ("closed", "The move is over.")
        assert "Nothing waits to be done" in heading(client_of_alice, "/journal/plans/")
        assert "AI leads." in said(client_of_alice, "/journal/plans/?state=closed")

    def test_nothing_stated_is_asked_for(self, client_of_alice: Client, book: Portfolio) -> None:
        plan = self.plan(client_of_alice)
        assert self.fill(client_of_alice, plan, "") == 422

    def test_a_fill_without_a_reason_counts_in_one_step(self, client_of_alice: Client, book: Portfolio) -> None:
        plan, sold = self.plan(client_of_alice), traded(book, "100")
        assert "Was it one of these?" in said(client_of_alice, f"/journal/plans/{plan.pk}/")
        client_of_alice.post(f"/journal/plans/{plan.pk}/attach/", {"fills": [sold.pk]})
        assert heading(client_of_alice, f"/journal/plans/{plan.pk}/") == "Under way: 50% is filled"

    def test_it_opens_on_the_ticket_again_and_keeps_its_key(self, client_of_alice: Client, book: Portfolio) -> None:
        plan = self.plan(client_of_alice)
        page = client_of_alice.get(f"{NEW}?plan={plan.pk}").content.decode()
        assert "AI leads." in page
        assert str(plan.client_key) in page
        client_of_alice.post(NEW, {**ticket(), "client_key": str(plan.client_key), "plan": "1", "thesis": "Less."})
        assert Plan.objects.get().thesis == "Less."


class TestUndocumented:
    def test_two_clicks_attach_it_to_a_rotation(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        rotation, sold = Rotation.objects.get(), traded(book)
        assert "These executions have no reason yet" in said(client_of_alice, "/journal/undocumented/")
        answer = client_of_alice.post("/journal/undocumented/attach/", {"fills": [sold.pk], "rotation": rotation.pk})
        assert answer.headers["Location"] == f"/journal/{rotation.pk}/"
        assert "has its reason" in heading(client_of_alice, "/journal/undocumented/")

    def test_or_make_a_rotation_of_it(self, client_of_alice: Client, book: Portfolio) -> None:
        sold, where = traded(book), "/journal/undocumented/adopt/"
        assert "Sell UNI" in said(client_of_alice, f"{where}?fills={sold.pk}")
        data = {"fills": [sold.pk], "client_key": str(uuid.uuid4()), "thesis": ""}
        assert client_of_alice.post(where, data).status_code == 422
        assert client_of_alice.post(where, {**data, "thesis": "I panicked."}).status_code == 302
        assert Rotation.objects.get().thesis == "I panicked."

    def test_anothers_rotation_is_not_found(self, client_of_bob: Client, client_of_alice: Client, book: Any) -> None:
        client_of_alice.post(NEW, ticket())
        data = {"fills": [traded(book).pk], "rotation": Rotation.objects.get().pk}
        assert client_of_bob.post("/journal/undocumented/attach/", data).status_code == 404


class TestWordings:
    def test_every_version_stays_and_late_ones_say_so(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        rotation = Rotation.objects.get()
        where = f"/journal/{rotation.pk}/"
        for text in ("AI leads, for now.", "AI leads, for now."):
            client_of_alice.post(f"{where}reword/", {"subject": "thesis", "text": text})
        Review.objects.create(rotation=rotation, horizon_days=1, status="ok", computed_at=NOW)
        client_of_alice.post(f"{where}reword/", {"subject": "thesis", "text": "I always knew."})
        client_of_alice.post(f"{where}reword/", {"subject": "note", "text": "Slept badly."})
        page = said(client_of_alice, where)
        assert "Written anew 2 times, 1 after an outcome was known" in page
        for text in ("AI leads.", "AI leads, for now.", "I always knew.", "Slept badly."):
            assert text in page
        rotation.refresh_from_db()
        assert rotation.thesis == "AI leads."
        assert list(Wording.objects.values_list("is_after_outcome", flat=True)) == [False, True, True]
        assert client_of_alice.post(f"{where}reword/", {"subject": "thesis", "text": " "}).status_code == 422


class TestPictures:
    def test_one_is_written_anew_and_served_as_what_it_is(self, client_of_alice: Client, book: Portfolio) -> None:
        exif = Image.Exif()
        exif[0x010E], exif[0x0112] = "taken at home", 6
        exif.get_ifd(0x8825)[2] = (IFDRational(52), IFDRational(30), IFDRational(0))
        photo = image((40, 20), "JPEG", exif=exif.tobytes())
        client_of_alice.post(NEW, {**ticket(), "pictures": [upload(photo, "<b>.html")]})
        kept = Picture.objects.get()
        assert kept.rotation == Rotation.objects.get()
        assert (kept.width, kept.height) == (20, 40)
        answer = client_of_alice.get(f"/journal/pictures/{kept.pk}/")
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "html" not in answer.headers["Content-Disposition"]
        with Image.open(BytesIO(answer.content)) as read:
            assert (read.format, dict(read.getexif())) == ("WEBP", {})
        assert b"taken at home" not in answer.content

    @pytest.mark.parametrize(
        "data",
        [
            b"<script>alert(1)</script>",
            b"",
            image()[:60],
            image(form="GIF"),
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            image((6000, 5000)),
            b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
        ],
    )
    def test_what_is_no_image_or_too_large_is_refused(self, data: bytes) -> None:
        with pytest.raises(PictureRefused):
            clean_picture(data)

    def test_a_large_file_is_refused_before_it_is_read(self) -> None:
        with pytest.raises(PictureRefused, match="larger than 8 MB"):
            clean_picture(image() + b"\x00" * (8 * 1024 * 1024))

    def test_an_unfinished_ticket_keeps_its_images(self, client_of_alice: Client, book: Portfolio) -> None:
        data = ticket()
        assert client_of_alice.post(NEW, {**data, "thesis": "", "pictures": [upload(image())]}).status_code == 422
        assert Picture.objects.get().plan is not None
        client_of_alice.post(NEW, data)
        assert Picture.objects.get().rotation == Rotation.objects.get()

    def test_the_wrong_file_names_itself_and_nothing_is_logged(self, client_of_alice: Client, book: Portfolio) -> None:
        answer = client_of_alice.post(NEW, {**ticket(), "pictures": [upload(image()), upload(b"no")]})
        assert answer.status_code == 422
        assert "Image 2: This is no image" in answer.content.decode()
        assert not Rotation.objects.exists()

    def test_at_most_six_and_each_once(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        where = f"/journal/{Rotation.objects.get().pk}/pictures/"
        for size in [*range(1, 7), 6, 7]:
            client_of_alice.post(where, {"pictures": [upload(image((size * 10, 10)))]})
        assert Picture.objects.count() == 6


class TestSealed:
    def test_an_outcome_is_kept_until_it_is_guessed(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 1)
        pk = Rotation.objects.get().pk
        for where in (f"/journal/{pk}/", "/journal/"):
            assert "466.38" not in said(client_of_alice, where)
        assert client_of_alice.get(f"/journal/{pk}/outcome/").status_code == 302
        data = {"horizon_days": 30, "expectation": "worse"}
        client_of_alice.post(f"/reviews/rotation/{pk}/expect/", data)
        assert "466.38" in said(client_of_alice, f"/journal/{pk}/")
        assert not Peek.objects.exists()

    def test_shown_anyway_is_remembered_and_the_guess_counts_as_none(
        self, client_of_alice: Client, book: Portfolio
    ) -> None:
        rotations(book, 1)
        pk = Rotation.objects.get().pk
        for _ in range(2):
            client_of_alice.post(f"/journal/{pk}/show/")
        assert Peek.objects.get().horizon_days == 30
        assert "466.38" in said(client_of_alice, f"/journal/{pk}/")
        client_of_alice.post(f"/reviews/rotation/{pk}/expect/", {"horizon_days": 30, "expectation": "better"})
        assert Lesson.objects.get().had_seen

    def test_what_is_known_after_a_day_only_is_not_kept_back(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 1)
        Review.objects.update(horizon_days=1)
        Review.objects.create(
            rotation=Rotation.objects.get(), horizon_days=0, status="ok", total_alpha_usd=D(5), priced_at=NOW,
            computed_at=NOW,
        )  # fmt: skip
        assert "$5.00 ahead" in said(client_of_alice, f"/journal/{Rotation.objects.get().pk}/")


class TestTemplates:
    def legs(self, client: Client, name: str) -> list[tuple[str, str, D]]:
        """Return what a template puts on the ticket: action, instrument, quantity."""
        response: Any = client.get(f"{NEW}?template={name}")
        names = {str(pk): row.name for pk, row in response.context["rows"].form_kwargs["shelf"].instruments.items()}
        return [
            (row.initial["action"], names[row.initial["instrument"]], D(row.initial["quantity"]))
            for row in response.context["rows"]
        ]

    def test_phase_1_takes_a_tenth_and_half_of_what_is_free(self, client_of_alice: Client, book: Portfolio) -> None:
        sale, purchase, long = self.legs(client_of_alice, "P1")
        assert sale == ("SELL_SPOT", "UNI", D(20))
        assert (purchase[:2], long[:2]) == (("BUY_SPOT", "FET"), ("OPEN_LONG", "FET-PERP"))
        assert D(500) < purchase[2] * 2 < 500 + D(20_000) / 2

    def test_phase_2_sells_a_third_and_hedges_what_is_left(self, client_of_alice: Client, book: Portfolio) -> None:
        sale, short = self.legs(client_of_alice, "P2")
        assert sale[:2] == ("SELL_SPOT", "FET")
        assert D(833) <= sale[2] <= D("833.4")
        assert short[:2] == ("OPEN_SHORT_HEDGE", "FET-PERP")

    def test_both_can_be_logged_as_they_stand(self, client_of_alice: Client, book: Portfolio) -> None:
        for name in ("P1", "P2"):
            response: Any = client_of_alice.get(f"{NEW}?template={name}")
            rows = [{key: value for key, value in row.initial.items() if value} for row in response.context["rows"]]
            assert client_of_alice.post(NEW, ticket(*rows)).status_code == 302
        assert [rotation.kind for rotation in Rotation.objects.order_by("pk")] == ["rotation", "withdraw"]
