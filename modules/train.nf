process TRAIN {
    tag "${[slices].flatten().size()} scans"
    label 'training'
    label 'gpu'

    input:
    path slices, stageAs: 'slices/*'
    val gpus
    val args
    val code

    output:
    path 'model', emit: model
    path 'published/model/*', emit: published

    script:
    def start = gpus > 1 ? "torchrun --standalone --nproc-per-node ${gpus} \$(command -v 'train.py')" : "'train.py'"
    """
    export OMP_NUM_THREADS=${Math.max(1, task.cpus.intdiv(gpus))}
    ${start} slices/* --out model --checkpoints checkpoints ${args}
    # Apart, and file by file: a folder that Nextflow publishes replaces its namesake with all that a user keeps there
    mkdir published
    cp -R model published
    """

    stub:
    """
    'train.py' --help > /dev/null
    mkdir -p model published/model
    touch {,published/}model/{diffusion.safetensors,embedding.safetensors,training_scans.safetensors,config.json}
    """
}
