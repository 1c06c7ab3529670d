"""The page of the API in a real browser, under the same strict policy as every other page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.api.scene import Caller
from tests.journal.scene import anchor


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_of_the_api_lists_operations_and_tries_one(page: Page, live_server: object, alice: User) -> None:
    portfolio, caller = anchor(alice), Caller(alice)
    page.goto(f"{live_server}/api/v1/docs/")
    operation = page.locator("#operations-portfolios-portfolios_retrieve")
    expect(operation).to_be_visible()

    page.get_by_role("button", name="Authorize").click()
    page.locator(".auth-container input").fill(caller.token)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".auth-btn-wrapper .btn-done").click()
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("tr[data-param-name=id] input").fill(str(portfolio.pk))
    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text("ledger_version")
