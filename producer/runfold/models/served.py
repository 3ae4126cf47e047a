"""What Model does by providers that serve models: see `serving`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import serving

if TYPE_CHECKING:
    from runfold.model import Model
    from runfold.workspace import Workspace


class Served:
    """Serving, packaging and profiling."""

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: list[Model],
        inference_config: Any = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Any:
        """Serves models as a web service, by an installed provider (entry-point group `runfold.serving`).

        :raises WebserviceException: Nobody provides serving; the message lists the providers that exist.
        """
        return serving.ask(
            "deploy",
            workspace=workspace,
            name=name,
            models=models,
            inference_config=inference_config,
            deployment_config=deployment_config,
            deployment_target=deployment_target,
            overwrite=overwrite,
            show_output=show_output,
        )

    @staticmethod
    def package(
        workspace: Workspace,
        models: list[Model],
        inference_config: Any = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> Any:
        """Makes an image that serves models, by an installed provider (entry-point group `runfold.serving`).

        :raises WebserviceException: Nobody provides serving; the message lists the providers that exist.
        """
        return serving.ask(
            "package",
            workspace=workspace,
            models=models,
            inference_config=inference_config,
            generate_dockerfile=generate_dockerfile,
            image_name=image_name,
            image_label=image_label,
        )

    @staticmethod
    def profile(
        workspace: Workspace,
        profile_name: str,
        models: list[Model],
        inference_config: Any,
        input_dataset: Any,
        cpu: float | None = None,
        memory_in_gb: float | None = None,
        description: str | None = None,
    ) -> Any:
        """Measures how a model behaves with some resources, by an installed provider.

        :raises WebserviceException: Nobody provides serving; the message lists the providers that exist.
        """
        return serving.ask(
            "profile",
            workspace=workspace,
            profile_name=profile_name,
            models=models,
            inference_config=inference_config,
            input_dataset=input_dataset,
            cpu=cpu,
            memory_in_gb=memory_in_gb,
            description=description,
        )

    @staticmethod
    def print_configuration(
        models: list[Model], inference_config: Any, deployment_config: Any, deployment_target: Any
    ) -> Any:
        """Prints what `deploy` would do, by an installed provider.

        :raises WebserviceException: Nobody provides serving; the message lists the providers that exist.
        """
        return serving.ask(
            "print_configuration",
            models=models,
            inference_config=inference_config,
            deployment_config=deployment_config,
            deployment_target=deployment_target,
        )
