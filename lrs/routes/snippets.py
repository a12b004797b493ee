"""First requests for somebody who connects a client: the same statement in three languages, ready to run."""

import re

_PLACES = re.compile("STATEMENT|ENDPOINT|KEY:SECRET")
_STATEMENT = """{
  "actor": {"account": {"homePage": "https://example.org", "name": "learner-1"}},
  "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
  "object": {"id": "https://example.org/courses/1"}
}"""
_CURL = """curl -u 'KEY:SECRET' \\
  -H 'X-Experience-API-Version: 1.0.3' -H 'Content-Type: application/json' \\
  ENDPOINTstatements -d 'STATEMENT'"""
_PYTHON = """import base64, json
from urllib.request import Request, urlopen

statement = STATEMENT
token = base64.b64encode(b"KEY:SECRET").decode()
headers = {
    "Authorization": f"Basic {token}",
    "Content-Type": "application/json",
    "X-Experience-API-Version": "1.0.3",
}
request = Request("ENDPOINTstatements", json.dumps(statement).encode(), headers)
print(json.load(urlopen(request)))"""
_JAVASCRIPT = """const answer = await fetch("ENDPOINTstatements", {
  method: "POST",
  headers: {
    "Authorization": "Basic " + btoa("KEY:SECRET"),
    "Content-Type": "application/json",
    "X-Experience-API-Version": "1.0.3",
  },
  body: JSON.stringify(STATEMENT),
});
console.log(answer.status, await answer.json());"""


def of(endpoint: str, key: str, secret: str) -> list[tuple[str, str]]:
    """Name and text of each example."""
    texts = (("curl", _CURL), ("Python", _PYTHON), ("JavaScript", _JAVASCRIPT))
    filled = {"STATEMENT": _STATEMENT, "ENDPOINT": endpoint, "KEY:SECRET": f"{key}:{secret}"}
    return [(name, _PLACES.sub(lambda place: filled[place[0]], text)) for name, text in texts]
