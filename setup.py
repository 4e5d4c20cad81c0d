"""The one thing that pyproject.toml cannot say: the experiments of `configs/` are in the wheel as `kgv_jax/configs`.

So `kgv train --config=roadsigns:quick` works from an installed package too.
"""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """Copies `configs/*.py` beside the package's modules; an editable install reads the clone's own folder."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = pathlib.Path(self.build_lib) / "kgv_jax" / "configs"
        target.mkdir(parents=True, exist_ok=True)
        for config in sorted(pathlib.Path("configs").glob("*.py")):
            shutil.copyfile(config, target / config.name)


setup(cmdclass={"build_py": BuildWithConfigs})
