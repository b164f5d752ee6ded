# The coordinator's image: expsdk with all that it needs to run a sweep (expsdk coordinate NAME), or a program of
# expsdk.submit's, from inside the cluster, as a user without rights.
# docker build --tag expsdk:1 .
ARG PYTHON=3.12
FROM docker.io/library/python:${PYTHON}-slim AS wheel
COPY CHANGELOG.md LICENSE README.md pyproject.toml /src/
COPY expsdk /src/expsdk
COPY runtime /src/runtime
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel /src

FROM docker.io/library/python:${PYTHON}-slim
# What expsdk depends on is a layer of its own, which a change of the code leaves as it is.
COPY pyproject.toml /tmp/
RUN python -c "import tomllib; print(*tomllib.load(open('/tmp/pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > /tmp/needed \
    && pip install --no-cache-dir --requirement /tmp/needed \
    && rm /tmp/needed /tmp/pyproject.toml
COPY --from=wheel /wheel /tmp/wheel
RUN pip install --no-cache-dir --no-deps /tmp/wheel/*.whl && rm -r /tmp/wheel
ENV HOME=/tmp
USER 1000:1000
ENTRYPOINT ["expsdk"]
