"""Whatever a machine makes of the server's own document: it is answered as the document says, and never with a fault."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, settings  # noqa: E402

from bestline.lab.openapi import document  # noqa: E402
from lab.served import TOKEN, Served  # noqa: E402

SCHEMA = schemathesis.openapi.from_dict(document())
# The schema says of what kind a field is; whether there is such a table or column, only the answer can say.
BEYOND_THE_SCHEMA = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered_as_the_document_says(lab: Served, case) -> None:
    headers = {"origin": lab.url, "X-Bestline-Token": TOKEN}
    case.call_and_validate(base_url=lab.url, headers=headers, excluded_checks=BEYOND_THE_SCHEMA, timeout=300)
