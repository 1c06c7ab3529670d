"""The guide says what is so: its addresses lead somewhere, its bodies are taken, its problem is the one that comes."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import resolve

from portfolio.models import Portfolio
from tests.api.scene import Caller
from tests.test_architecture import ROOT

GUIDE = (ROOT / "docs/api.md").read_text()
ADDRESSES = sorted(set(re.findall(r"\$API(/[-a-z0-9/]+)", GUIDE)))
LOGGED = json.loads(re.findall(r"<<'JSON'\n(.*?)\nJSON", GUIDE, re.DOTALL)[0])
PROBLEM = json.loads(re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)[0])


class TestGuide:
    @pytest.mark.parametrize("address", ADDRESSES)
    def test_its_addresses_lead_somewhere(self, address: str) -> None:
        assert resolve(f"/api/v1{address}").url_name != "api-nowhere"

    @pytest.mark.django_db
    def test_its_rotation_is_taken(self, caller: Caller, portfolio: Portfolio) -> None:
        response = caller.post("/rotations/", {**LOGGED, "portfolio": portfolio.pk})
        assert response.status_code == 201, response.content

    @pytest.mark.django_db
    def test_its_problem_is_the_one_that_comes(self, caller: Caller, portfolio: Portfolio) -> None:
        body = {**json.loads(json.dumps(LOGGED)), "portfolio": portfolio.pk}
        body["legs"][0]["quantity"] = "201"
        assert caller.post("/rotations/", body).json() == PROBLEM
