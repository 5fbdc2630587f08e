"""Client of an API server: server-side apply with strict field validation, reads, deletions, evictions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from ssl import create_default_context
from typing import Any, Final

import httpx

Body = Mapping[str, Any]

TIMEOUT: Final = 30.0
"""Seconds for one answer."""
MANAGER: Final = "groundwork-rehearsal"
"""The field manager of what is applied, unless another is named."""


class Refused(Exception):
    """The API server refused; `code` is the HTTP status, `reason` its machine-readable word, `causes` (field, message) pairs."""

    def __init__(self, code: int, reason: str, message: str, causes: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.causes = tuple(causes)


class UnknownKind(Exception):
    """The API server serves no such kind: its CRD is not installed, or not in that version."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as it is served."""

    group_version: str
    plural: str
    namespaced: bool

    @property
    def root(self) -> str:
        """The path of its group and version."""
        return f"/apis/{self.group_version}" if "/" in self.group_version else f"/api/{self.group_version}"

    def path(self, namespace: str, name: str = "") -> str:
        """The path of one object, or of all of a namespace ("" is the cluster)."""
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{scope}/{self.plural}" + (f"/{name}" if name else "")


class Client:
    """A client of one API server. Every call raises Refused when the server does, and httpx.HTTPError when it cannot be reached."""

    def __init__(self, url: str, token: str, authority: Path, *, acting: Mapping[str, str] | None = None) -> None:
        """`acting` holds headers that say who is impersonated."""
        self._acting = dict(acting or {})
        self._url = url
        self._token = token
        self._authority = authority
        self._kinds: dict[tuple[str, str], Kind] = {}

    @cached_property
    def _http(self) -> httpx.Client:
        context = create_default_context(cafile=str(self._authority))
        return httpx.Client(
            base_url=self._url, verify=context, timeout=TIMEOUT, headers={"Authorization": f"Bearer {self._token}", **self._acting}
        )

    def impersonating(self, user: str, group: str) -> "Client":
        """A client that acts as a user of a group, as far as this one may."""
        acting = {"Impersonate-User": user, "Impersonate-Group": group}
        return Client(self._url, self._token, self._authority, acting=acting)

    def close(self) -> None:
        """Give connections back, so that the server need not wait for them."""
        self._http.close()

    def ready(self) -> bool:
        """Whether the server answers and says that it is ready."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def serves_custom_kinds(self) -> bool:
        """Whether every custom kind that is defined can be listed: for a moment after a start some cannot."""
        defined = self.items("apiextensions.k8s.io/v1", "CustomResourceDefinition")
        served = [(row["spec"]["group"], v["name"], row["spec"]["names"]["plural"]) for row in defined for v in row["spec"]["versions"]]
        places = [f"/apis/{group}/{version}/{plural}" for group, version, plural in served]
        return all(self._http.get(place, params={"limit": 1}).status_code != httpx.codes.TOO_MANY_REQUESTS for place in places)

    def kind(self, api_version: str, kind: str) -> Kind:
        """How a kind is served. Raises UnknownKind."""
        if (api_version, kind) not in self._kinds:
            self._discover(api_version)
        try:
            return self._kinds[api_version, kind]
        except KeyError:
            raise UnknownKind(f"{api_version} {kind} is not served here: is its CRD installed in this version?") from None

    def _discover(self, api_version: str) -> None:
        answer = self._http.get(Kind(api_version, "", namespaced=False).root)
        for row in answer.json().get("resources", ()) if answer.is_success else ():
            if "/" not in row["name"]:
                self._kinds[api_version, row["kind"]] = Kind(api_version, row["name"], row["namespaced"])

    def apply(self, body: Body, *, manager: str = MANAGER, dry_run: bool = False, force: bool = False) -> dict[str, Any]:
        """Server-side apply: unknown fields are refused, never dropped; the object as the server has, or would have, it."""
        options = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()}
        options |= {"dryRun": "All"} if dry_run else {}
        content = json.dumps(body)
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self._answer(self._http.patch(self._place(body), params=options, content=content, headers=headers))

    def read(self, body: Body) -> dict[str, Any] | None:
        """The object that a manifest names, or None."""
        try:
            return self._answer(self._http.get(self._place(body)))
        except Refused as refused:
            if refused.code == httpx.codes.NOT_FOUND:
                return None
            raise

    def delete(self, body: Body) -> None:
        """Ask for the object's deletion; its dependents go with it in the background. None is fine."""
        try:
            self._answer(self._http.delete(self._place(body), params={"propagationPolicy": "Background"}))
        except Refused as refused:
            if refused.code != httpx.codes.NOT_FOUND:
                raise

    def items(self, api_version: str, kind: str, namespace: str = "", **selectors: str) -> list[dict[str, Any]]:
        """Every object of a kind in a namespace ("" is all), narrowed by labelSelector or fieldSelector."""
        served = self.kind(api_version, kind)
        found: list[dict[str, Any]] = self._answer(self._http.get(served.path(namespace), params=selectors))["items"]
        return found

    def post(self, path: str, body: Body) -> dict[str, Any]:
        """Create below a path, such as a pod's eviction."""
        return self._answer(self._http.post(path, json=dict(body)))

    def patch_status(self, body: Body, status: Body) -> dict[str, Any]:
        """Merge into an object's status."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._answer(self._http.patch(f"{self._place(body)}/status", content=json.dumps({"status": status}), headers=headers))

    def patch_scale(self, body: Body, replicas: int, *, manager: str = MANAGER) -> dict[str, Any]:
        """Set the number of replicas through the scale subresource, as an autoscaler does."""
        headers = {"Content-Type": "application/merge-patch+json"}
        content, options = json.dumps({"spec": {"replicas": replicas}}), {"fieldManager": manager}
        return self._answer(self._http.patch(f"{self._place(body)}/scale", params=options, content=content, headers=headers))

    def _place(self, body: Body) -> str:
        metadata = body["metadata"]
        served = self.kind(body["apiVersion"], body["kind"])
        return served.path(metadata.get("namespace", "default"), metadata["name"])

    def _answer(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.is_success:
            return dict(answer.json())
        try:
            status = answer.json()
        except ValueError:
            status = {"message": answer.text}
        causes = [(cause.get("field", ""), cause.get("message", "")) for cause in (status.get("details") or {}).get("causes", ())]
        raise Refused(answer.status_code, status.get("reason", ""), status.get("message", ""), causes)
