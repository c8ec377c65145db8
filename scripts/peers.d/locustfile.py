"""The journey of journey.rhai."""

from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    @task
    def home(self):
        with self.client.get("/", catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure("status 200")
