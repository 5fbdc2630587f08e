"""`groundwork graph` and `groundwork export`: the recorded stack for other programs."""

import json
from pathlib import Path

import click

from operations.output import writing
from operations.selection import stack_file, stack_options


@click.command()
@stack_options
@click.option("--unknowns", is_flag=True, help="Leave unknown what is known only after apply, as an engine preview does.")
def graph(stack: str | None, config: Path | None, unknowns: bool) -> None:
    """Print the resource graph of a stack as JSON: every resource with inputs, options, parents and dependencies.

    Secrets are replaced by markers.
    """
    from graph.serialize import to_json
    from infra.offline import evaluate

    click.echo(json.dumps(to_json(evaluate(stack_file(stack, config), unknowns=unknowns).graph), indent=2))


@click.group()
def export() -> None:
    """Write a stack in forms that other people's scanners read. Secrets are replaced by markers."""


@export.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@stack_options
def kubernetes(directory: Path, stack: str | None, config: Path | None) -> None:
    """Write every Kubernetes object of a stack as YAML into DIRECTORY, one file an object.

    Files that this command did not write for this stack, or that were changed since, are neither overwritten nor removed.
    """
    from graph.exporters.kubernetes import export_manifests
    from infra.offline import evaluate

    found = evaluate(stack_file(stack, config)).graph
    with writing(directory):
        written = export_manifests(found, directory)
    click.echo(f"{len(written)} manifests in {directory}", err=True)


@export.command("terraform-plan")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@stack_options
def terraform_plan_command(file: Path, stack: str | None, config: Path | None) -> None:
    """Write the cloud resources of a stack into FILE as Terraform plan JSON, with references, for Checkov and its like.

    A FILE that this command did not write is not overwritten.
    """
    from graph.exporters.terraform import terraform_plan
    from graph.exporters.written import check, save, sealed_json
    from infra.offline import evaluate

    found = evaluate(stack_file(stack, config)).graph
    plan, maker = terraform_plan(found), "terraform-plan of "
    with writing(file):
        check(file, maker)
        save(file, sealed_json(f"{maker}{found.stack}", plan, indent=1, sort_keys=True))
    click.echo(f"{len(plan['planned_values']['root_module']['resources'])} resources in {file}", err=True)
