"""The monitor that a program talks to while it is recorded: the SDK's mock monitor, answering as the engine and a cloud would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockMonitor, Mocks
from pulumi.runtime.proto import resource_pb2

from graph import wire
from graph.model import Options, Resource, SecretValue
from graph.types.materialise import Materialised, Scope, materialise, planned
from graph.types.schema import PROVIDER_PREFIX
from graph.urns import REFERENCE_TYPE, STACK_TYPE, child_urn, own_urns, provider_urn, seconds

References = Mapping[str, Mapping[str, Any]]
"""Outputs of other stacks, by the full name that a program refers to them by: organisation/project/stack."""


class Refused(Exception):
    """The program asked for something that cannot be recorded, since only an engine or a cloud could answer it."""


class _NoMocks(Mocks):
    """The base class asks for mocks; the recorder answers requests itself and never calls them."""

    def call(self, args: Any) -> Any:
        raise Refused(f"the program calls {args.token}")

    def new_resource(self, args: Any) -> Any:
        raise Refused(f"the program makes {args.typ} outside of a registration")


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What a child takes over from its parent when it says nothing itself."""

    protect: bool | None = None
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    provider: str = ""


class Recorder(MockMonitor):
    """Records registrations in order. Names, inheritance and dependencies follow the engine's resource monitor.

    `unknowns` answers as an engine preview does; otherwise every output gets a known value of the right form.
    `references` holds the outputs of other stacks by their full names. A reference is no resource of the stack, and nothing waits for it.
    """

    def __init__(self, project: str, stack: str, *, unknowns: bool, references: References | None = None) -> None:
        super().__init__(_NoMocks())
        self.project, self.stack, self.unknowns = project, stack, unknowns
        self.registered: list[Resource] = []
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self._inherited: dict[str, _Inherited] = {}
        self._providers: dict[str, Mapping[str, str]] = {}
        self._scopes: dict[str, Scope] = {}
        self._unconfigured: set[str] = set()
        self._references = references or {}
        self.answered = 0

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Record one resource and answer with its URN, id and outputs."""
        self.answered += 1
        _refuse_what_needs_an_engine(request)
        urn = child_urn(self.stack, self.project, request.parent, request.type, request.name)
        inherited = self._inherit(request)
        inputs = wire.from_struct(request.object)
        if request.type.startswith(PROVIDER_PREFIX):
            self._enter_provider(urn, request, inputs)
        self._inherited[urn], self._providers[urn] = inherited, self._known_providers(request)
        provider = provider_urn(self._provider(request, inherited))
        made = self._make(urn, request, inputs, provider)
        self.registered.append(self._resource(urn, request, inherited, inputs, provider, made))
        self.resources[urn] = MockMonitor.ResourceRegistration(urn, made.id, dict(made.outputs))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=self._answer(request, made, provider))

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        """Answer for another stack; refuse any other `.get()`, since what exists outside the stack comes in through config."""
        self.answered += 1
        if request.type == REFERENCE_TYPE and request.id in self._references:
            urn = child_urn(self.stack, self.project, request.parent, request.type, request.name)
            told = {"name": request.id, "outputs": dict(self._references[request.id]), "secretOutputNames": []}
            return resource_pb2.ReadResourceResponse(urn=urn, properties=wire.to_struct(told))
        if request.type == REFERENCE_TYPE:
            raise Refused(f"the program refers to stack {request.id}, whose outputs are not known here")
        raise Refused(f"the program reads {request.type} {request.name!r}; pass what exists through config instead")

    def Invoke(self, request: Any) -> Any:
        """Answer only the SDK's own look-up of a resource it registered; provider functions are refused."""
        self.answered += 1
        if request.tok == "pulumi:pulumi:getResource":
            return super().Invoke(request)  # type: ignore[no-untyped-call]
        raise Refused(f"the program invokes {request.tok}; pin what it looks up as a config value instead")

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """Keep what a component, or the stack, gives out."""
        self.answered += 1
        self.outputs[request.urn] = wire.from_struct(request.outputs)
        return empty_pb2.Empty()

    def RegisterStackTransform(self, request: Any) -> Any:
        """Refuse transforms, which run inside the engine."""
        raise Refused("the program registers a stack transform, which only an engine runs")

    RegisterStackInvokeTransform = RegisterStackTransform

    def recorded(self) -> tuple[Resource, ...]:
        """All resources in order of registration, components with the outputs they gave out."""
        return tuple(r if r.custom else replace(r, outputs=self.outputs.get(r.urn, {})) for r in self.registered)

    def stack_outputs(self) -> Mapping[str, Any]:
        """The outputs of the stack."""
        roots = [resource.urn for resource in self.registered if resource.type == STACK_TYPE]
        return self.outputs.get(roots[0], {}) if roots else {}

    def _inherit(self, request: resource_pb2.RegisterResourceRequest) -> _Inherited:
        above = self._inherited.get(request.parent, _Inherited())
        return _Inherited(
            protect=request.protect if request.HasField("protect") else above.protect,
            retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else above.retain_on_delete,
            deleted_with=request.deletedWith or above.deleted_with,
            provider=request.provider or above.provider,
        )

    def _known_providers(self, request: resource_pb2.RegisterResourceRequest) -> Mapping[str, str]:
        above = {} if request.custom else self._providers.get(request.parent, {})
        return {**above, **request.providers}

    def _provider(self, request: resource_pb2.RegisterResourceRequest, inherited: _Inherited) -> str:
        if not request.custom or request.type.startswith(PROVIDER_PREFIX):
            return ""
        package = request.type.partition(":")[0]
        found = request.provider or self._providers.get(request.parent, {}).get(package, "")
        return found or (inherited.provider if f"{PROVIDER_PREFIX}{package}::" in inherited.provider else "")

    def _enter_provider(self, urn: str, request: resource_pb2.RegisterResourceRequest, inputs: dict[str, Any]) -> None:
        self._scopes[urn] = Scope.of(request.type.removeprefix(PROVIDER_PREFIX), inputs)
        if wire.contains_unknown(inputs):
            self._unconfigured.add(urn)
        if request.version:
            inputs["version"] = request.version

    def _make(self, urn: str, request: resource_pb2.RegisterResourceRequest, inputs: Mapping[str, Any], provider: str) -> Materialised:
        if not request.custom:
            return Materialised("", inputs, frozenset())
        scope = self._scopes.get(provider) or Scope(request.type.partition(":")[0])
        made = planned(request.type, inputs, scope) if self.unknowns else materialise(request.type, urn, inputs, scope)
        secret = [name for name in request.additionalSecretOutputs if name in made.outputs]
        return replace(made, outputs={**made.outputs, **{name: _sealed(made.outputs[name]) for name in secret}})

    def _answer(self, request: resource_pb2.RegisterResourceRequest, made: Materialised, provider: str) -> Any:
        """Outside a preview the SDK falls back on the inputs by itself; in one, what is not answered is unknown."""
        if not request.custom or provider in self._unconfigured:
            return wire.to_struct({})
        return wire.to_struct(made.outputs if self.unknowns else made.added())

    def _resource(
        self,
        urn: str,
        request: resource_pb2.RegisterResourceRequest,
        inherited: _Inherited,
        inputs: Mapping[str, Any],
        provider: str,
        made: Materialised,
    ) -> Resource:
        by_property = {name: own for name, found in request.propertyDependencies.items() if (own := own_urns(found.urns))}
        return Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            inputs=inputs,
            id=made.id,
            outputs=made.outputs,
            computed=made.computed,
            provider=provider,
            dependencies=own_urns(request.dependencies),
            property_dependencies=by_property,
            options=self._options(request, inherited),
        )

    def _options(self, request: resource_pb2.RegisterResourceRequest, inherited: _Inherited) -> Options:
        timeouts = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")}
        return Options(
            protect=bool(inherited.protect),
            retain_on_delete=bool(inherited.retain_on_delete),
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            aliases=tuple(dict.fromkeys(self._alias_urn(request, alias) for alias in request.aliases)),
            deleted_with=inherited.deleted_with,
            import_id=request.importId,
            timeouts={name: seconds(text) for name, text in timeouts.items() if text},
        )

    def _alias_urn(self, request: resource_pb2.RegisterResourceRequest, alias: Any) -> str:
        if alias.urn:
            return str(alias.urn)
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        return child_urn(
            spec.stack or self.stack, spec.project or self.project, parent, spec.type or request.type, spec.name or request.name
        )


def _sealed(value: Any) -> SecretValue:
    return value if isinstance(value, SecretValue) else SecretValue(value)


def _refuse_what_needs_an_engine(request: resource_pb2.RegisterResourceRequest) -> None:
    if request.remote:
        raise Refused(f"{request.type} {request.name!r} is a remote component, whose children only its provider knows")
    if request.transforms:
        raise Refused(f"{request.type} {request.name!r} has transforms, which only an engine runs")


def denies_default_providers(config: Mapping[str, str], package: str) -> bool:
    """Whether `pulumi:disable-default-providers` covers a package; a config without the key is held to deny all."""
    denied = json.loads(config.get("pulumi:disable-default-providers", '["*"]'))
    return "*" in denied or package in denied
