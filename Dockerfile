# The whole product as one process, for a container platform: `intentvision serve`.
#   docker build -t intentvision .
#   docker run -p 8787:8787 -v intentvision:/data intentvision
# A remote database instead of the file: -e INTENTVISION_DB_URL=libsql://... -e INTENTVISION_DB_AUTH_TOKEN=...
#   -e INTENTVISION_SECRET_KEY=...

FROM rust:1.95-slim-trixie AS build
# bindgen, which the bundled SQLite uses, needs libclang
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --release --package local --bin intentvision

FROM debian:trixie-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home intentvision
COPY --from=build /source/target/release/intentvision /usr/local/bin/intentvision
USER 10001
WORKDIR /data
VOLUME /data
ENV INTENTVISION_DB_URL=file:/data/intentvision.db
EXPOSE 8787
ENTRYPOINT ["intentvision"]
CMD ["serve", "--listen", "0.0.0.0:8787"]
