"""The tracking server (MLflow): what a stack file may say about it, and the component that makes it."""

from typing import Annotated

from pydantic import Field

from components.kubernetes.vocabulary import Hostname
from components.spec import ImageReference, Many, Name, Size, Spec


class TrackingServerArgs(Spec):
    """MLflow: experiments, runs and the model registry."""

    image: ImageReference
    """An image with MLflow 3.5 or newer, psycopg2 and boto3, pinned by digest. The official image lacks both drivers: build one from it."""
    replicas: Annotated[int, Field(ge=1, le=20)] = 2
    """Number of server pods. Two or more keep it answering while a node is drained."""
    cpu: Annotated[int, Field(ge=1, le=32)] = 1
    """CPU cores of one replica, requested; use above it is allowed."""
    memory: Size = Size("2GiB")
    """Main memory of one replica, requested and the limit."""
    hosts: Many[Hostname] = ()
    """Further names that clients call it by, such as a gateway's; its Service names are always allowed."""
    clients: Many[Name] = ()
    """Namespaces whose pods may call it; none may when empty, but for monitoring."""
