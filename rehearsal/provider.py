"""The gRPC server of one stand-in cloud, as the engine sees a resource provider.

All provider instances of a package share the port, and the engine makes one connection for each (`PULUMI_DEBUG_PROVIDERS`;
pulumi/pulumi v3.259.0, pkg/resource/plugin/provider_plugin.go: `dialPlugin` per `NewProvider`, then Handshake, Attach, CheckConfig or
DiffConfig, and Configure on that same connection). So what Configure said is kept by the peer of the connection.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from graph.model import UNKNOWN
from graph.types import latency
from graph.types.materialise import Scope, materialise, planned
from rehearsal import wire
from rehearsal.answers import CloudError
from rehearsal.cloud import Cloud, Difference, Instance
from rehearsal.faults import Faults
from rehearsal.store import Object, Store, Transaction, unsealed

Context: TypeAlias = grpc.ServicerContext
Reply = TypeVar("Reply")

ATTEMPTS = 25
"""How often the AWS provider tries a retryable error by default (hashicorp/terraform-provider-aws, argument max_retries)."""

NO_INVOKES = (
    "the stand-in cloud answers no data sources ({token}): a rehearsal must not depend on what an account happens to hold; "
    "pin the value in the stack file"
)


class Partial(CloudError):
    """The object was made but is not ready; the engine keeps it and tries again at the next update."""

    def __init__(self, error: CloudError, id: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        super().__init__("", str(error))
        self.detail = provider_pb2.ErrorResourceInitFailed(
            id=id, properties=wire.encode(outputs), inputs=wire.encode(inputs), reasons=[str(error)]
        )


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one cloud over one store. Every refusal of the cloud becomes a gRPC error with the cloud's own text.

    `pace` is how long creations and deletions take, as a part of what they take in a real cloud.
    """

    def __init__(self, cloud: Cloud, store: Store, faults: Faults, pace: float = 0.0) -> None:
        self._cloud = cloud
        self._store = store
        self._faults = faults
        self._pace = pace
        self._instances: dict[str, Instance] = {}
        self._lock = threading.Lock()

    # Life of a connection

    def Handshake(self, request: Any, context: Context) -> provider_pb2.ProviderHandshakeResponse:
        """A new connection: whatever an earlier one from the same port had configured is forgotten."""
        with self._lock:
            self._instances.pop(context.peer(), None)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def Attach(self, request: Any, context: Context) -> empty_pb2.Empty:
        """The engine told us where it listens; nothing here calls back."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Context) -> plugin_pb2.PluginInfo:
        """The version of the SDK this cloud stands in for."""
        return plugin_pb2.PluginInfo(version=self._cloud.version)

    def GetSchema(self, request: Any, context: Context) -> provider_pb2.GetSchemaResponse:
        """Refused: types are read from the SDK's classes, there is no schema document."""
        _abort(context, grpc.StatusCode.UNIMPLEMENTED, "the stand-in cloud has no schema document; read the SDK instead")

    def Cancel(self, request: Any, context: Context) -> empty_pb2.Empty:
        """Stop what this connection is waiting for; the other instances of the package go on."""
        with self._lock:
            instance = self._instances.get(context.peer())
        if instance:
            instance.cancelled.set()
        return empty_pb2.Empty()

    # Configuration of an instance

    def CheckConfig(self, request: Any, context: Context) -> provider_pb2.CheckResponse:
        """A provider's inputs are kept as they are; Configure judges them."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Context) -> provider_pb2.DiffResponse:
        """What a change of the provider means for what it manages."""
        old, new = wire.configuration(request.old_inputs or request.olds), wire.configuration(request.news)
        return self._answer(context, lambda: _diff_reply(self._cloud.differ_config(old, new), old, new))

    def Configure(self, request: Any, context: Context) -> provider_pb2.ConfigureResponse:
        """Remember, for this connection, what the instance stands for."""

        def configured() -> provider_pb2.ConfigureResponse:
            instance = self._cloud.configure(wire.configuration(request.args))
            self._struck("configure", f"pulumi:providers:{self._cloud.package}", request.urn, instance)
            with self._lock:
                self._instances[context.peer()] = instance
            return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False)

        return self._answer(context, configured)

    # Life of a resource

    def Check(self, request: Any, context: Context) -> provider_pb2.CheckResponse:
        """Inputs against the SDK's own types."""

        def checked() -> provider_pb2.CheckResponse:
            instance = self._instance(context)
            self._raise_struck("check", request, instance)
            inputs, failures = self._cloud.check(instance, request.urn, _token(request), wire.decode(request.news), request.randomSeed)
            rows = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in failures]
            return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=rows)

        return self._answer(context, checked)

    def Diff(self, request: Any, context: Context) -> provider_pb2.DiffResponse:
        """What would change, and whether in place."""

        def differed() -> provider_pb2.DiffResponse:
            instance = self._instance(context)
            self._raise_struck("diff", request, instance)
            old, new = wire.decode(request.old_inputs), wire.decode(request.news)
            return _diff_reply(self._cloud.differ(instance, _token(request), old, new, wire.decode(request.olds)), old, new)

        return self._answer(context, differed)

    def Create(self, request: Any, context: Context) -> provider_pb2.CreateResponse:
        """Make the object, or in a preview say which outputs are known already."""

        def created() -> provider_pb2.CreateResponse:
            instance, token, inputs = self._instance(context), _token(request), wire.decode(request.properties)
            if request.preview:
                return provider_pb2.CreateResponse(
                    properties=wire.encode(planned(token, inputs, self._scope(instance, token, inputs)).outputs)
                )
            struck = self._struck("create", token, request.urn, instance)
            self._take_time(instance, latency.of(token, "create", inputs))
            with self._store.transaction() as txn:
                id, outputs = self._made(txn, instance, request.urn, token, inputs)
                txn.log("create", self._cloud.package, request.urn, id, str(struck or "ok"))
            if struck:
                raise Partial(struck, id, inputs, outputs) if struck.partial else struck
            return provider_pb2.CreateResponse(id=id, properties=wire.encode(outputs))

        return self._answer(context, created, request, "create")

    def Read(self, request: Any, context: Context) -> provider_pb2.ReadResponse:
        """What the cloud holds under an id, for refresh and import; an empty id when it is gone."""

        def read() -> provider_pb2.ReadResponse:
            instance, token = self._instance(context), _token(request)
            self._raise_struck("read", request, instance)
            state, inputs = wire.decode(request.properties), wire.decode(request.inputs)
            with self._store.transaction() as txn:
                found = self._held(txn, instance, token, request.id, state)
            if found is None:
                return provider_pb2.ReadResponse()
            known = self._store.digests(state, inputs)
            held, outputs = unsealed(found.inputs, known), unsealed(found.outputs, known)
            return provider_pb2.ReadResponse(id=found.id, properties=wire.encode(outputs), inputs=wire.encode(held))

        return self._answer(context, read)

    def Update(self, request: Any, context: Context) -> provider_pb2.UpdateResponse:
        """Change the object in place, or in a preview say which outputs will be known."""

        def updated() -> provider_pb2.UpdateResponse:
            instance, token, inputs = self._instance(context), _token(request), wire.decode(request.news)
            state = wire.decode(request.olds)
            changed = self._cloud.differ(instance, token, wire.decode(request.old_inputs), inputs, state).changed
            struck = None if request.preview else self._struck("update", token, request.urn, instance)
            with self._store.transaction() as txn:
                found = self._held(txn, instance, token, request.id, state)
                if found is None:
                    raise CloudError("NotFound", f"{token} {request.id} does not exist (anymore); run a refresh")
                outputs, revision = self._changed(found, instance, inputs, changed, preview=request.preview)
                if not request.preview:
                    self._cloud.admit(txn, instance, token, request.urn, inputs)
                    txn.claim(found, self._cloud.claims(instance, token, inputs))
                    txn.change(found, inputs, outputs, revision=revision)
                    txn.log("update", self._cloud.package, request.urn, found.id, str(struck or "ok"))
            if struck:
                raise Partial(struck, found.id, inputs, outputs) if struck.partial else struck
            return provider_pb2.UpdateResponse(properties=wire.encode(outputs))

        return self._answer(context, updated, request, "update")

    def Delete(self, request: Any, context: Context) -> empty_pb2.Empty:
        """Delete the object unless the cloud refuses; what is gone already is fine."""

        def deleted() -> empty_pb2.Empty:
            instance, token = self._instance(context), _token(request)
            struck = self._struck("delete", token, request.urn, instance)
            self._take_time(instance, latency.of(token, "delete"))
            with self._store.transaction() as txn:
                found = self._held(txn, instance, token, request.id, wire.decode(request.properties))
                if found is not None:
                    txn.remove(found, self._cloud.release(txn, found))
                txn.log("delete", self._cloud.package, request.urn, request.id, str(struck or "ok"))
            if struck:
                raise struck
            return empty_pb2.Empty()

        return self._answer(context, deleted, request, "delete")

    # What a rehearsal does not do

    def Invoke(self, request: Any, context: Context) -> provider_pb2.InvokeResponse:
        """Refused, with what to do instead."""
        _abort(context, grpc.StatusCode.UNIMPLEMENTED, NO_INVOKES.format(token=request.tok))

    def Construct(self, request: Any, context: Context) -> provider_pb2.ConstructResponse:
        """Refused: remote components run inside the real provider."""
        _abort(
            context, grpc.StatusCode.UNIMPLEMENTED, f"the stand-in cloud builds no remote components ({request.type}); use typed resources"
        )

    def Call(self, request: Any, context: Context) -> provider_pb2.CallResponse:
        """Refused: methods run inside the real provider."""
        _abort(context, grpc.StatusCode.UNIMPLEMENTED, f"the stand-in cloud has no methods ({request.tok})")

    # How it is done

    def _instance(self, context: Context) -> Instance:
        with self._lock:
            instance = self._instances.get(context.peer())
        if instance is None:
            raise CloudError("", f"this connection ({context.peer()}) was never configured, or it was lost and made anew")
        return instance

    def _scope(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Scope:
        return self._cloud.place(instance, token, inputs)

    def _held(self, txn: Transaction, instance: Instance, token: str, id: str, state: Mapping[str, Any]) -> Object | None:
        return txn.one(self._cloud.package, token, id, self._scope(instance, token, state))

    def _made(self, txn: Transaction, instance: Instance, urn: str, token: str, inputs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        ordinal = txn.ordinal(urn)
        scope = self._scope(instance, token, inputs)
        made = materialise(token, urn, inputs, replace(scope, region=scope.region or instance.scope.region), ordinal)
        claims = self._cloud.claims(instance, token, inputs)
        if txn.one(self._cloud.package, token, made.id, scope):
            raise claims[0][2] if claims else CloudError("AlreadyExists", f"{token} {made.id} already exists")
        self._cloud.admit(txn, instance, token, urn, inputs)
        outputs = {**made.outputs, **self._cloud.answering(token, inputs)}
        new = txn.add(Object(self._cloud.package, token, urn, made.id, scope, inputs, outputs, ordinal))
        txn.claim(new, claims)
        return made.id, outputs

    def _changed(
        self, found: Object, instance: Instance, inputs: Mapping[str, Any], changed: Sequence[str], *, preview: bool = False
    ) -> tuple[dict[str, Any], int]:
        scope = replace(found.scope, region=found.scope.region or instance.scope.region)
        outputs = dict(materialise(found.token, found.urn, inputs, scope, found.ordinal).outputs)
        outputs.update(self._cloud.answering(found.token, inputs))
        moved = self._cloud.moved(found.token, changed, inputs)
        outputs.update({name: found.outputs[name] for name in self._cloud.counts(found.token) if name in found.outputs})
        outputs.update(dict.fromkeys(moved, UNKNOWN if preview else found.revision + 2))
        return outputs, found.revision + bool(moved)

    def _wait(self, instance: Instance) -> Callable[[float], None]:
        def wait(seconds: float) -> None:
            if instance.cancelled.wait(seconds):
                raise CloudError("", "cancelled by the engine")

        return wait

    def _take_time(self, instance: Instance, took: latency.Latency) -> None:
        if self._pace:
            self._wait(instance)(took.median * self._pace)

    def _struck(self, operation: str, token: str, urn: str, instance: Instance) -> "_Late | None":
        """Raise a fault that comes before; return one that comes after the deed."""
        attempts = int(instance.settings.get("maxRetries") or ATTEMPTS)
        struck = self._faults.strike(operation, token, urn, attempts=attempts, wait=self._wait(instance))
        if struck is None:
            return None
        when, error = struck
        if when == "before":
            raise error
        return _Late(error, partial=when == "partial")

    def _raise_struck(self, operation: str, request: Any, instance: Instance) -> None:
        struck = self._struck(operation, _token(request), request.urn, instance)
        if struck:
            raise struck

    def _answer(self, context: Context, deed: Callable[[], Reply], request: Any = None, operation: str = "") -> Reply:
        try:
            return deed()
        except CloudError as refusal:
            if operation and not isinstance(refusal, Partial | _Late):
                self._store.log(operation, self._cloud.package, request.urn, getattr(request, "id", ""), str(refusal).splitlines()[0])
            _refuse(context, refusal)


class _Late(CloudError):
    """A fault that strikes when the deed is done and logged: the answer is lost, or with `partial` the object is not ready."""

    def __init__(self, error: CloudError, *, partial: bool) -> None:
        super().__init__("", str(error))
        self.partial = partial


def _abort(context: Context, code: grpc.StatusCode, text: str) -> NoReturn:
    context.abort(code, text)
    raise AssertionError("abort raises")


def _refuse(context: Context, refusal: CloudError) -> NoReturn:
    if isinstance(refusal, Partial):
        detail = any_pb2.Any()
        detail.Pack(refusal.detail)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(refusal), details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    _abort(context, grpc.StatusCode.UNKNOWN, str(refusal))


def _token(request: Any) -> str:
    return str(request.type or request.urn.split("::")[2].rpartition("$")[2])


def _diff_reply(found: Difference, old: Mapping[str, Any], new: Mapping[str, Any]) -> provider_pb2.DiffResponse:
    before, after = dict(wire.leaves(old)), dict(wire.leaves(new))
    detailed: dict[str, Any] = {}
    for path in found.changed:
        kind = "ADD" if path not in before else "DELETE" if path not in after else "UPDATE"
        forced = "_REPLACE" if any(_within(path, forcing) for forcing in found.replaces) else ""
        detailed[path] = provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind + forced), inputDiff=True)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found.changed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=list(dict.fromkeys(_top(path) for path in found.changed)),
        replaces=list(dict.fromkeys(_top(path) for path in found.replaces)),
        deleteBeforeReplace=found.delete_before_replace,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _within(path: str, forcing: str) -> bool:
    return path == forcing or path.startswith((f"{forcing}.", f"{forcing}["))


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
