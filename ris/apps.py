from django.apps import AppConfig


class RisConfig(AppConfig):
    name = "ris"

    def ready(self) -> None:
        """Simulated clocks are read where they are written."""
        from ris import clock
        from ris.actions import clocks

        clock.timelines.follow(clocks.timelines)
