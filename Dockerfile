# One image for every role; the command says which. Built from the same hashed lock file as `make venv`.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /venv
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home caretrail && mkdir /data && chown caretrail /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 CARETRAIL_CONFIG=/etc/caretrail/caretrail.yaml
USER caretrail
WORKDIR /data
ENTRYPOINT ["caretrail"]
CMD ["up"]
