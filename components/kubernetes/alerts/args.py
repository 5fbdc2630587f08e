"""Arguments of alert routing."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.kubernetes.credentials import RemoteKey
from components.kubernetes.vocabulary import ObjectName
from components.spec import Name, Problem, Spec, rule


class _Kept(Spec):
    """A receiver whose address is a secret, kept in a store that External Secrets reads."""

    store: ObjectName
    """Name of the ClusterSecretStore in the cluster."""
    key: RemoteKey
    """The secret's name or path in that store."""


class PagerDutyReceiver(_Kept):
    """A service of PagerDuty, through its Events API v2."""

    kind: Literal["pagerduty"]
    """What hears the alert."""
    field: RemoteKey = "routing_key"
    """The field that holds the integration's routing key."""


class SlackReceiver(_Kept):
    """A channel of Slack, through the incoming webhook that belongs to it."""

    kind: Literal["slack"]
    """What hears the alert."""
    field: RemoteKey = "url"
    """The field that holds the webhook's URL."""


class WebhookReceiver(_Kept):
    """Anything that takes Alertmanager's JSON by POST."""

    kind: Literal["webhook"]
    """What hears the alert."""
    field: RemoteKey = "url"
    """The field that holds the URL."""


class TopicReceiver(Spec):
    """The topic that the stack's own alarms speak to (`alarms`), on AWS; Alertmanager publishes as a role that may do nothing else."""

    kind: Literal["sns"]
    """What hears the alert."""


KeptReceiver = PagerDutyReceiver | SlackReceiver | WebhookReceiver
ReceiverArgs = Annotated[KeptReceiver | TopicReceiver, Field(discriminator="kind")]


class HearersArgs(Spec):
    """Who hears which alerts."""

    page: Name
    """The receiver of what cannot wait: alerts of severity page, and critical ones of the charts."""
    ticket: Name
    """The receiver of all else: alerts of severity ticket, warnings of the charts, and alerts without a severity."""


class AlertsArgs(HearersArgs):
    """Who hears the alerts of the Prometheus that this stack installs."""

    receivers: Annotated[dict[Name, ReceiverArgs], Field(min_length=1)]
    """Whom and what can be told, by name."""
    heartbeat: Name | None = None
    """A webhook that is called every five minutes while alerts can be heard at all, for a service that raises alarm when the calls end."""
    teams: dict[Name, HearersArgs] = Field(default_factory=dict)
    """Teams of the platform that hear the alerts of their own namespaces; alerts of the others' go where all go."""

    @property
    def used(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every place that names a receiver, and the name."""
        for path, hearers in [((), self), *((("teams", team), told) for team, told in self.teams.items())]:
            yield (*path, "page"), hearers.page
            yield (*path, "ticket"), hearers.ticket
        if self.heartbeat:
            yield ("heartbeat",), self.heartbeat

    @property
    def tells_topic(self) -> bool:
        """Whether some receiver is the topic of the stack's alarms."""
        return any(isinstance(receiver, TopicReceiver) for receiver in self.receivers.values())

    @rule("receivers", "page", "ticket", "heartbeat", "teams")
    def _receivers_exist_and_are_used(self) -> Iterator[Problem]:
        used = dict(self.used)
        for path, name in used.items():
            if name not in self.receivers:
                yield Problem(path, f'"{name}" is no receiver: name one of {", ".join(self.receivers)}, or add it to receivers')
        for name in self.receivers.keys() - used.values():
            yield Problem(("receivers", name), "hears nothing: name it as page, ticket or heartbeat, or remove it")

    @rule("receivers", "heartbeat")
    def _heart_beats_into_a_webhook(self) -> Iterator[Problem]:
        receiver = self.receivers.get(self.heartbeat or "")
        if receiver and not isinstance(receiver, WebhookReceiver):
            text = f'"{self.heartbeat}" is of kind {receiver.kind}, and would be told every five minutes that all is well'
            yield Problem(("heartbeat",), f"{text}: name a receiver of kind webhook")
