from django.apps import AppConfig


class RisConfig(AppConfig):
    name = "ris"

    def ready(self) -> None:
        """Simulated clocks are read where they are written; what people change is audited."""
        from ris import clock, events
        from ris.actions import auditing, clocks

        clock.timelines.follow(clocks.timelines)
        events.subscribe(events.Changed, lambda event: auditing.changed(event.row))
