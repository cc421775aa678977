from django.apps import AppConfig


class StepwiseConfig(AppConfig):
    name = "stepwise"

    def ready(self) -> None:
        from stepwise import hosts_check  # noqa: F401  (registers itself)
