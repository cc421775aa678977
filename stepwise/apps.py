from django.apps import AppConfig
from django.core.checks import Tags, register


class StepwiseConfig(AppConfig):
    name = "stepwise"

    def ready(self) -> None:
        from stepwise.hosts_check import every_host_is_allowed

        register(every_host_is_allowed, Tags.security, deploy=True)
